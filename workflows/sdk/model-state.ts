import { isCandidate } from './candidate.js';
import { EvertrainError, show } from './errors.js';
import type { ModelDefinition } from './model.js';
import type { ModelState, ModelVersion, RunOutcome, TrainingRecord } from './protocol.js';

/** Pure transitions of a model's state; the workflow around them only waits, deploys and records. */
export function initialState(definition: ModelDefinition): ModelState {
  return {
    name: definition.name,
    pipeline: definition.pipeline.name,
    revision: 0,
    nextVersion: 1,
    versions: [],
    trainings: [],
  };
}

/** How many versions and trainings the state keeps. */
const kept = 50;

/** Takes a training's outcome: a new version for a candidate, else a record of why there is none. */
export function settleTraining(state: ModelState, outcome: RunOutcome, now: string): ModelState {
  const { training, ...rest } = state;
  const run = { workflowId: outcome.workflowId, runId: outcome.runId };
  const base = { trigger: outcome.trigger, workflowId: outcome.workflowId };
  const done = (record: TrainingRecord): ModelState => withTraining(rest, record);
  const { result } = outcome;
  if (result.outcome === 'failed') return done({ ...base, outcome: 'failed', reason: result.message });
  if (result.outcome === 'rejected') return done({ ...base, outcome: 'rejected', reason: `gate "${result.gate}"` });
  const output = result.output;
  if (!isCandidate(output)) {
    return done({ ...base, outcome: 'failed', reason: `the pipeline answered ${show(output)}, not a candidate` });
  }
  const version: ModelVersion = {
    version: String(state.nextVersion),
    stage: 'candidate',
    reason: 'registered',
    metrics: output.metrics,
    artifact: output.model,
    run,
    registeredAt: now,
    ...(training?.data === undefined ? {} : { data: training.data }),
    ...(output.golden === undefined ? {} : { golden: output.golden }),
    ...(output.parameters === undefined ? {} : { parameters: output.parameters }),
    ...(output.lineage === undefined ? {} : { lineage: output.lineage }),
  };
  const registered = done({ ...base, outcome: 'completed', version: version.version, reason: 'registered' });
  return {
    ...registered,
    nextVersion: state.nextVersion + 1,
    versions: keepNewest([...state.versions, version], state),
  };
}

/** Remembers how a training ended, beside the newest ones. */
export function withTraining(state: ModelState, record: TrainingRecord): ModelState {
  return { ...state, trainings: [...state.trainings, record].slice(-kept) };
}

/** The newest versions, and the champion and the one before it however old. */
function keepNewest(versions: readonly ModelVersion[], state: ModelState): ModelVersion[] {
  return versions.filter(
    (one, index) =>
      index >= versions.length - kept || one.version === state.champion || one.version === state.former?.at(-1),
  );
}

/** Whether the policy promotes this version by itself, and why (not). */
export function decide(
  definition: Pick<ModelDefinition, 'promotion'>,
  state: ModelState,
  version: ModelVersion,
): { readonly promote: boolean; readonly reason: string } {
  const rule = definition.promotion;
  if (rule === 'manual') return { promote: false, reason: 'waits for a person to promote it' };
  const value = version.metrics[rule.metric];
  if (value === undefined) return { promote: false, reason: `it reports no metric "${rule.metric}"` };
  const champion = state.versions.find((one) => one.version === state.champion);
  if (champion === undefined) return { promote: true, reason: 'first version' };
  const other = champion.metrics[rule.metric];
  if (other === undefined) return { promote: false, reason: `the champion reports no metric "${rule.metric}"` };
  const gain = rule.direction === 'maximize' ? value - other : other - value;
  const facts = `${rule.metric} ${format(value)} against the champion's ${format(other)}`;
  return gain > rule.minGain
    ? { promote: true, reason: `better: ${facts}` }
    : { promote: false, reason: `not better by more than ${rule.minGain}: ${facts}` };
}

function format(value: number): string {
  return String(Number(value.toPrecision(6)));
}

/** Makes a version the champion under the next revision; the former champion retires. */
export function promoted(state: ModelState, version: string, reason: string): ModelState {
  const before = state.champion === undefined ? [] : [state.champion];
  return {
    ...state,
    champion: version,
    former: [...(state.former ?? []), ...before].slice(-kept),
    versions: state.versions.map((one) => {
      if (one.version === version) return { ...one, stage: 'champion', reason };
      return one.stage === 'champion' ? { ...one, stage: 'retired', reason: `replaced by version ${version}` } : one;
    }),
  };
}

/** The champion before this one becomes it again; what it took over from is retired, and no longer to be gone back to. */
export function rolledBack(state: ModelState, version: string, reason: string): ModelState {
  const back = promoted(state, version, reason);
  return { ...back, former: (state.former ?? []).slice(0, (state.former ?? []).lastIndexOf(version)) };
}

/** The version that a rollback leads to: USER_VERSION_UNKNOWN where there is none. */
export function beforeChampion(state: ModelState): ModelVersion {
  const known = new Set(state.versions.map(({ version }) => version));
  const found = state.former?.findLast((version) => known.has(version));
  const version = state.versions.find((one) => one.version === found);
  if (version !== undefined) return version;
  throw new EvertrainError('USER_VERSION_UNKNOWN', `Model "${state.name}" has no champion to go back to.`, {
    value: state.champion,
    remedy: 'Promote one of its versions: `evertrain model <name> promote <version>`.',
  });
}

export function withStage(
  state: ModelState,
  version: string,
  stage: ModelVersion['stage'],
  reason: string,
): ModelState {
  return {
    ...state,
    versions: state.versions.map((one) => (one.version === version ? { ...one, stage, reason } : one)),
  };
}

/** The version to promote; refuses one that does not exist or serves already. */
export function promotable(state: ModelState, version: unknown): ModelVersion {
  const found = state.versions.find((one) => one.version === version);
  if (found === undefined) {
    throw new EvertrainError('USER_VERSION_UNKNOWN', `Model "${state.name}" has no version ${show(version)}.`, {
      value: version,
      remedy: `It has: ${state.versions.map((one) => one.version).join(', ') || 'none yet'}.`,
    });
  }
  if (found.version === state.champion) {
    throw new EvertrainError(
      'USER_OPTION_INVALID',
      `Version ${found.version} of "${state.name}" is the champion already.`,
      {
        value: version,
        remedy: 'Nothing is to be done.',
      },
    );
  }
  return found;
}
