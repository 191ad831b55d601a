/** Which call of which trial a step, or a child run, is part of. */
export interface TrialCall {
  readonly study: string;
  readonly trial: number;
  readonly rung: number;
}

/** As the id says (`search[3]@1/fit`); several where a trial holds a study of its own, the outermost first. */
export function trialCallsOf(id: string, studies: { has(study: string): boolean }): TrialCall[] {
  const found: TrialCall[] = [];
  for (let end = id.indexOf('/'); end >= 0; end = id.indexOf('/', end + 1)) {
    const [, study, trial, rung] = /^(.*)\[(\d+)\](?:@(\d+))?$/.exec(id.slice(0, end)) ?? [];
    if (study === undefined || !studies.has(study)) continue;
    found.push({ study, trial: Number(trial), rung: Number(rung ?? 0) });
  }
  return found;
}
