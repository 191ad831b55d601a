import { setTimeout as sleep } from 'node:timers/promises';
import { join } from 'node:path';
import type { temporal } from '@temporalio/proto';
import { fileJournal } from '../../activities/sdk/journal/file-journal.js';
import { readRunRecord } from '../../client/cli/run-record.js';
import { decodeFirst, type HistoryEvent, toNumber } from '../../client/history/decode.js';
import { fetchHistory } from '../../client/history/fetch.js';
import { loadBundle } from '../../worker/bundle.js';
import type { Deployment } from '../../workflows/sdk/model/deployment.js';
import { modelMessages, type ModelStart, modelWorkflowId } from '../../workflows/sdk/model/messages.js';
import type { ModelState } from '../../workflows/sdk/model/model-state.js';
import { mostVersions } from '../../workflows/sdk/model/policy.js';
import { builtIn, type RunOutcome } from '../../workflows/sdk/protocol.js';
import type { DurableProject } from './durable-project.js';
import { replayHistories } from './histories.js';

/** One execution of a model's workflow, from one continue-as-new to the next. */
export interface ModelLife {
  readonly runId: string;
  readonly events: number;
  readonly historyBytes: number;
  /** What it was handed over to go on from; nothing, of the first. */
  readonly state: ModelState | undefined;
  readonly stateBytes: number;
  /** How many signals of data it took, and how many batches were in them. */
  readonly signals: number;
  readonly batches: number;
  /** The runs that it started, by workflow id. */
  readonly children: readonly string[];
}

type History = temporal.api.history.v1.IHistory;

/** Where the engine begins to warn. */
const most = { events: 10_240, historyBytes: 10 * 2 ** 20, stateBytes: 256 * 2 ** 10 };

/**
 * What does not hold of how a model continued as new, in words. Held are: each execution stays below what the engine warns
 * of, and replays; at a boundary nothing is lost (each batch of a signal is in one place or a duplicate, versions and
 * counts never go back); each ended execution left a record that names the next.
 */
export async function checkLives(
  fixture: DurableProject,
  name: string,
  now: ModelState,
): Promise<{
  readonly lives: readonly ModelLife[];
  readonly ends: ReadonlyMap<string, number>;
  readonly failures: readonly string[];
}> {
  const histories = await historiesOf(fixture, modelWorkflowId(name));
  const lives: ModelLife[] = [];
  for (const [runId, history] of histories) lives.push(await lifeOf(fixture, name, runId, history));
  const failures: string[] = [];
  for (const [n, life] of lives.entries()) {
    const next = lives[n + 1];
    const found = [...tooLarge(life), ...lostBetween(life.state, next?.state ?? now, life.batches)];
    if (next !== undefined) found.push(...(await recordOf(fixture, name, life, next)));
    failures.push(...found.map((why) => `execution ${n} of ${lives.length}: ${why}`));
  }
  await replayHistories(await loadBundle(fixture.bundle), histories).catch((error: unknown) => {
    failures.push(String(error));
  });
  return { lives, ends: endsOf(histories.values()), failures };
}

/** By run id, oldest first; along the chain, since the engine's list of runs lags behind. */
async function historiesOf({ evertrain }: DurableProject, workflowId: string): Promise<Map<string, History>> {
  const { raw } = await evertrain.client.workflow.getHandle(workflowId).describe();
  const histories = new Map<string, History>();
  for (let runId = raw.workflowExecutionInfo?.firstRunId; runId; ) {
    const history = await fetchHistory(evertrain.client, workflowId, runId);
    histories.set(runId, history);
    runId = history.events?.at(-1)?.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId;
  }
  return histories;
}

async function lifeOf(
  { evertrain }: DurableProject,
  name: string,
  runId: string,
  history: History,
): Promise<ModelLife> {
  const events = history.events ?? [];
  const input = events[0]?.workflowExecutionStartedEventAttributes?.input;
  const { raw } = await evertrain.client.workflow.getHandle(modelWorkflowId(name), runId).describe();
  const { state } = decodeFirst(input) as ModelStart;
  const told = events.flatMap(({ workflowExecutionSignaledEventAttributes: signal }) =>
    signal?.signalName === modelMessages.data ? [decodeFirst(signal.input)] : [],
  );
  return {
    runId,
    events: events.length,
    historyBytes: toNumber(raw.workflowExecutionInfo?.historySizeBytes),
    state,
    stateBytes: input?.payloads?.[0]?.data?.length ?? 0,
    signals: told.length,
    batches: told.flat().length,
    children: events.flatMap((event) => {
      const started = event.childWorkflowExecutionStartedEventAttributes?.workflowExecution?.workflowId;
      return started ? [started] : [];
    }),
  };
}

/** The runs of whose end the model was told, and the newest revision that it had begun to deploy by then. */
function endsOf(histories: Iterable<History>): Map<string, number> {
  const ends = new Map<string, number>();
  let revision = 0;
  for (const event of [...histories].flatMap(({ events }) => events ?? [])) {
    const scheduled = event.activityTaskScheduledEventAttributes;
    if (scheduled?.activityType?.name === builtIn.deploy) {
      revision = (decodeFirst(scheduled.input) as Deployment).revision;
    }
    const ended = endOf(event);
    if (ended !== undefined && !ends.has(ended)) ends.set(ended, revision);
  }
  return ends;
}

/** The run that tells its end with this event, by a signal, as a child, or since it was asked for. */
function endOf(event: HistoryEvent): string | undefined {
  const child =
    event.childWorkflowExecutionCompletedEventAttributes ??
    event.childWorkflowExecutionFailedEventAttributes ??
    event.childWorkflowExecutionCanceledEventAttributes;
  if (child) return child.workflowExecution?.workflowId ?? undefined;
  const signal = event.workflowExecutionSignaledEventAttributes;
  const told =
    signal?.signalName === modelMessages.outcome ? signal.input : event.activityTaskCompletedEventAttributes?.result;
  return (decodeFirst(told) as Partial<RunOutcome> | null)?.workflowId;
}

function tooLarge(life: ModelLife): string[] {
  return (['events', 'historyBytes', 'stateBytes'] as const)
    .filter((of) => life[of] >= most[of])
    .map((of) => `${of} ${life[of]}, not below ${most[of]}`);
}

/** Each batch is a duplicate, or in one place. */
function placed({ data }: ModelState): number {
  if (data === undefined) return 0;
  const { counts, waiting, inTraining, quarantined } = data;
  return counts.duplicates + counts.used + counts.rejected + waiting.length + inTraining.length + quarantined.length;
}

function lostBetween(before: ModelState | undefined, after: ModelState, batches: number): string[] {
  const failures: string[] = [];
  const holds = (isSo: boolean, what: string) => {
    if (!isSo) failures.push(what);
  };
  const since = placed(after) - (before === undefined ? 0 : placed(before));
  holds(since === batches, `took ${batches} batches of data, of which the state has ${since}`);
  const kept = after.policy?.retention?.versions ?? mostVersions;
  const numbers = after.versions.map(({ version }) => Number(version));
  const versions = numbers.length + (after.archive?.versions ?? 0);
  holds(versions === after.nextVersion - 1, `has ${versions} versions in its state and archive`);
  const newest = Array.from({ length: after.nextVersion - 1 }, (_, n) => n + 1).slice(-kept);
  holds(numbers.slice(-newest.length).join() === newest.join(), `has the versions ${numbers.join()}`);
  if (before === undefined) return failures;
  for (const of of ['nextVersion', 'revision'] as const) holds(after[of] >= before[of], `${of} went back`);
  for (const of of ['versions', 'batches'] as const) {
    holds((after.archive?.[of] ?? 0) >= (before.archive?.[of] ?? 0), `the archive has fewer ${of}`);
  }
  const pairs = [before.data?.counts, after.data?.counts] as const;
  for (const [count, value] of Object.entries(pairs[0] ?? {})) {
    holds((pairs[1]?.[count as 'used'] ?? -1) >= value, `the count ${count} went back`);
  }
  for (const old of before.versions) {
    const same = after.versions.find(({ version }) => version === old.version);
    if (same === undefined) {
      holds(after.nextVersion - Number(old.version) > kept, `version ${old.version} is gone`);
      continue;
    }
    const stays = ['metrics', 'artifact', 'run', 'registeredAt', 'data'] as const;
    for (const of of stays) {
      holds(JSON.stringify(old[of]) === JSON.stringify(same[of]), `${of} of version ${old.version} changed`);
    }
  }
  return failures;
}

async function recordOf(fixture: DurableProject, name: string, life: ModelLife, next: ModelLife): Promise<string[]> {
  const journal = fileJournal(join(fixture.engine.dataDir, 'journal'));
  const read = () => readRunRecord(journal, modelWorkflowId(name), life.runId);
  // Records give way to steps, and what a killed worker did not write the next one finds.
  let record = await read();
  for (const end = Date.now() + 30_000; record === undefined && Date.now() < end; record = await read())
    await sleep(100);
  if (record === undefined) return ['left no record'];
  const signals = record.signals.filter((one) => one.name === modelMessages.data).length;
  const said = [record.status.kind, 'runId' in record.status && record.status.runId, record.events, signals];
  const wanted = ['continued', next.runId, life.events, life.signals];
  return said.join() === wanted.join() ? [] : [`its record says ${said.join()}, not ${wanted.join()}`];
}
