import { isCandidate } from '../candidate.js';
import { jsonDigest } from '../digest.js';
import { EvertrainError, show } from '../errors.js';
import type { RunOutcome } from '../protocol.js';
import type { DeclaredModel, ModelOrder, ModelState, ModelVersion, TrainingRecord } from './model-state.js';
import type { ModelDefinition } from './model.js';
import { type ModelPolicy, mostVersions, type PromotionTerms, promotionTerms } from './policy.js';
import type { ComparisonFacts, ComparisonInput, Verdict } from './runs.js';

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

/** How many trainings and former champions the state keeps. */
const kept = 50;
/** Reached only while the archive cannot be written. */
const mostVersionsHere = mostVersions + 25;

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
    ...(output.trained === undefined ? {} : { trained: output.trained }),
    ...(output.heldOut === undefined ? {} : { heldOut: output.heldOut }),
    ...(output.reference === undefined ? {} : { reference: output.reference }),
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
      index >= versions.length - mostVersionsHere ||
      one.version === state.champion ||
      one.version === state.former?.at(-1),
  );
}

/** What becomes of a new version. */
export type Fate =
  | { readonly kind: 'promote'; readonly reason: string }
  | { readonly kind: 'keep'; readonly reason: string }
  /** It is a challenger, to be compared with the champion. */
  | { readonly kind: 'compare' };

export function fateOf(
  { runs, name }: Pick<ModelDefinition, 'runs' | 'name'>,
  policy: Pick<ModelPolicy, 'promotion'>,
  state: ModelState,
  version: ModelVersion,
): Fate {
  const terms = promotionTerms(`model "${name}"`, policy);
  if (terms === 'manual') return { kind: 'keep', reason: 'waits for a person to promote it' };
  const isFirst = state.champion === undefined;
  if (isFirst && terms.firstVersion === undefined && terms.approval === undefined) {
    return { kind: 'promote', reason: 'first version' };
  }
  const missing =
    runs.comparison === undefined
      ? 'the model has no `evaluate` step'
      : version.heldOut === undefined
        ? 'its candidate names no `heldOut` data'
        : undefined;
  if (missing === undefined) return { kind: 'compare' };
  return { kind: 'keep', reason: `not compared, since ${missing}; a person may promote it` };
}

/** The challenger to compare next is the newest; older ones are passed over. */
export function nextChallenger(
  state: ModelState,
): { readonly state: ModelState; readonly version: ModelVersion } | undefined {
  const challengers = state.versions.filter(({ stage }) => stage === 'challenger');
  const version = challengers.at(-1);
  if (version === undefined) return undefined;
  const passed = challengers.slice(0, -1);
  const reason = `version ${version.version} came before it was compared`;
  return {
    state: passed.reduce((before, one) => withStage(before, one.version, 'candidate', reason), state),
    version,
  };
}

export function championOf({ versions, champion }: ModelState): ModelVersion | undefined {
  return versions.find(({ version }) => version === champion);
}

/** How the run that compares a version is started. */
export function comparisonInput(state: ModelState, version: ModelVersion, terms: PromotionTerms): ComparisonInput {
  const champion = championOf(state);
  const { parameters, lineage, data, run, artifact, heldOut } = version;
  return {
    challenger: sideOf(version),
    ...(champion === undefined ? {} : { champion: sideOf(champion) }),
    heldOut: heldOut ?? artifact,
    terms,
    evidence: {
      trainedBy: run,
      artifact,
      ...(parameters && { parameters }),
      ...(lineage && { lineage }),
      ...(data && { data }),
    },
  };
}

function sideOf({ version, trained, artifact, metrics }: ModelVersion): ComparisonInput['challenger'] {
  return { version, model: trained ?? artifact, metrics: { ...metrics } };
}

/** What the run that compared a version decided. */
export type Decision =
  | { readonly kind: 'promote' | 'reject'; readonly reason: string; readonly facts?: ComparisonFacts }
  | { readonly kind: 'undecided'; readonly reason: string };

export function decisionOf({ result }: RunOutcome): Decision {
  if (result.outcome === 'failed') return { kind: 'undecided', reason: `not compared: ${result.message}` };
  const { reason, comparison } = (result.outcome === 'completed' ? result.output : (result.facts ?? {})) as Verdict;
  const facts = comparison === undefined ? {} : { facts: comparison };
  if (result.outcome === 'completed') return { kind: 'promote', reason, ...facts };
  return { kind: 'reject', reason: reason ?? `gate "${result.gate}"`, ...facts };
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

/** The champion before this one becomes it again; what it took over from is taken back, and no longer gone back to. */
export function rolledBack(state: ModelState, version: string, reason: string): ModelState {
  const back = promoted(state, version, reason);
  const former = (state.former ?? []).slice(0, (state.former ?? []).lastIndexOf(version));
  if (state.champion === undefined) return { ...back, former };
  return withStage({ ...back, former }, state.champion, 'rejected', `taken back: ${reason}`);
}

/** The version that a rollback leads to: USER_VERSION_UNKNOWN where there is none. */
export function beforeChampion(state: ModelState): ModelVersion {
  const before = state.former?.at(-1);
  const version = state.versions.find((one) => one.version === before);
  if (version !== undefined) return version;
  const why = before === undefined ? '' : `: version ${before}, the one before, is archived`;
  throw new EvertrainError('USER_VERSION_UNKNOWN', `Model "${state.name}" has no champion to go back to${why}.`, {
    value: state.champion,
    remedy: 'Promote one of its versions: `evertrain model <name> promote <version>`.',
  });
}

export function withStage(
  state: ModelState,
  version: string,
  stage: ModelVersion['stage'],
  reason: string,
  comparison?: ComparisonFacts,
): ModelState {
  const change = { stage, reason, ...(comparison === undefined ? {} : { comparison }) };
  return {
    ...state,
    versions: state.versions.map((one) => (one.version === version ? { ...one, ...change } : one)),
  };
}

/** How many orders the state keeps. */
const keptOrders = 20;

export function withOrder(state: ModelState, order: string, by: AnyOrder, at: string): ModelState {
  const of = by.version ?? by.id;
  const record = { order: of === undefined ? order : `${order} ${of}`, at, ...signature(by) };
  return { ...state, orders: [...(state.orders ?? []), record].slice(-keptOrders) };
}

/** Who gave an order, and why, of whatever else it says. */
export function signature({ actor, reason }: ModelOrder): ModelOrder {
  return { ...(actor === undefined ? {} : { actor }), ...(reason === undefined ? {} : { reason }) };
}

type AnyOrder = ModelOrder & { readonly version?: string; readonly id?: string };

/** Refuses what would not fit into the state: USER_OPTION_INVALID. */
export function checkOrder(order: ModelOrder | undefined): void {
  for (const [name, most] of [
    ['actor', 200],
    ['reason', 1_000],
  ] as const) {
    const value: unknown = order?.[name];
    if (value === undefined || (typeof value === 'string' && value.length <= most)) continue;
    throw new EvertrainError('USER_OPTION_INVALID', `An order's ${name} is ${show(value)}.`, {
      value,
      remedy: `Use a text of at most ${most} characters.`,
    });
  }
}

/** The code's policy is taken where it is another than it was; else the model goes by what it was told since. */
export function withDeclared(state: ModelState, declared: DeclaredModel): ModelState {
  const isNew = jsonDigest(state.declared?.policy ?? null) !== jsonDigest(declared.policy);
  return { ...state, declared, policy: isNew ? declared.policy : (state.policy ?? declared.policy) };
}

/** The version to promote; refuses one that does not exist, serves already, or has served. */
export function promotable(state: ModelState, version: unknown): ModelVersion {
  const found = state.versions.find((one) => one.version === version);
  if (found === undefined) {
    throw new EvertrainError('USER_VERSION_UNKNOWN', `Model "${state.name}" has no version ${show(version)}.`, {
      value: version,
      remedy: `It has: ${state.versions.map((one) => one.version).join(', ') || 'none yet'}.${archivedNote(state)}`,
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
  if (found.stage === 'retired') {
    throw new EvertrainError('USER_OPTION_INVALID', `Version ${found.version} of "${state.name}" is retired.`, {
      value: version,
      remedy: 'Go back to the champion before this one with `evertrain model <name> rollback`, or train anew.',
    });
  }
  return found;
}

function archivedNote({ archive }: ModelState): string {
  return (archive?.versions ?? 0) === 0 ? '' : ` ${archive?.versions} older ones are archived; train anew.`;
}
