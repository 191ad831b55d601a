import type { RunView } from '../../history/run-view.js';

export interface Row {
  readonly part: 'run' | 'input' | 'metrics' | 'durations' | 'output' | 'provenance';
  readonly name: string;
  readonly a: string | number | undefined;
  readonly b: string | number | undefined;
  readonly isSame: boolean;
}

/** All that is recorded of two runs, leaf by leaf. Data is compared by its digest. Durations: milliseconds. */
export function comparedRuns(a: RunView, b: RunView): Row[] {
  const tables: ReadonlyArray<readonly [Row['part'], unknown, unknown]> = [
    ['run', headOf(a), headOf(b)],
    ['input', a.input, b.input],
    ['metrics', metricsOf(a), metricsOf(b)],
    ['durations', durationsOf(a), durationsOf(b)],
    ['output', a.output, b.output],
    ['provenance', a.provenance, b.provenance],
  ];
  return tables.flatMap(([part, of, other]) => {
    const left = leaves(of);
    const right = leaves(other);
    return [...new Set([...left.keys(), ...right.keys()])].map((name): Row => {
      return { part, name, a: left.get(name), b: right.get(name), isSame: left.get(name) === right.get(name) };
    });
  });
}

function headOf({ pipeline, status, seed, workerVersion, planned }: RunView) {
  const logicalDate = planned === undefined ? undefined : new Date(planned.logicalDate).toISOString();
  return { pipeline, status: status.kind, seed, buildId: workerVersion?.buildId, logicalDate };
}

function metricsOf({ steps }: RunView) {
  return Object.fromEntries(
    steps.filter(({ metrics }) => Object.keys(metrics).length > 0).map(({ id, metrics }) => [id, metrics]),
  );
}

function durationsOf({ steps, startedAt, closedAt }: RunView) {
  const ended = steps.flatMap((step) =>
    'endedAt' in step ? [[step.id, step.endedAt - step.scheduledAt] as const] : [],
  );
  return { ...(closedAt === undefined ? {} : { 'the whole run': closedAt - startedAt }), ...Object.fromEntries(ended) };
}

function leaves(value: unknown, path = '', found = new Map<string, string | number>()): Map<string, string | number> {
  if (typeof value === 'object' && value !== null) {
    for (const [name, inner] of Object.entries(value)) leaves(inner, path === '' ? name : `${path}/${name}`, found);
  } else if (value !== undefined) {
    found.set(path, typeof value === 'string' || typeof value === 'number' ? value : JSON.stringify(value));
  }
  return found;
}
