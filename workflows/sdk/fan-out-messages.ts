/** The run of a chunk of a fan-out that has too many items for the run that it is in. */
export const fanOutWorkflowType = 'evertrain.fan-out';

/** What names a chunk in its parent, with its first and last item: `effect[0-199]`. */
export function chunkId(fanOut: string, from: number, to: number): string {
  return `${fanOut}[${from}-${to}]`;
}

export function chunkOf(id: string): { fanOut: string; from: number; ended: number } | undefined {
  const [, fanOut, from, to] = /^(.*)\[(\d+)-(\d+)\]$/.exec(id) ?? [];
  return fanOut === undefined ? undefined : { fanOut, from: Number(from), ended: Number(to) - Number(from) + 1 };
}

export interface FanOutRecord {
  /** Its id, with the groups around it. */
  readonly fanOut: string;
  readonly items: number;
}

/** How far a chunk of a fan-out is. */
export interface ItemsReport {
  readonly fanOut: string;
  /** The chunk's first item. */
  readonly from: number;
  /** Items of it that have ended, failed ones included. */
  readonly ended: number;
  readonly failed: number;
}
