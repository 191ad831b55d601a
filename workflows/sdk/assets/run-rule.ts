import {
  CancellationScope,
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  isCancellation,
  scheduleActivity,
  setHandler,
  upsertMemo,
  workflowInfo,
} from '@temporalio/workflow';
import { jsonDigest } from '../digest.js';
import { ModelChildren } from '../model/children.js';
import { builtIn, modelMessages, type RunOptions, type RunOutcome } from '../protocol.js';
import { notice } from '../temporal-host.js';
import {
  assetMessages,
  type AssetReader,
  type News,
  type RuleInput,
  ruleMemo,
  ruleMessages,
  type RuleQuestion,
  type RuleSettings,
  type RuleStart,
} from './messages.js';
import { begin, type Due, due, emptyRule, end, openRuns, receive, tidy, withSettings } from './rule-state.js';
import { tellAsset } from './tell-asset.js';

/**
 * A rule's life as a workflow: assets tell it their news, and it starts a run when these are what it waits for. The run
 * outlives an execution of this workflow; its id follows from the publications that it is started on, so that the engine
 * refuses a second one. Cancelled, the rule leaves its assets, and its runs go on.
 */
export async function runRule({ settings: first, state: before }: RuleStart): Promise<never> {
  let settings = first;
  let state = before ?? emptyRule();
  let isApplied = before !== undefined;
  if (isApplied) upsertMemo({ [ruleMemo]: settings });
  const children = new ModelChildren(undefined, (workflowId) =>
    openRuns(state).some((open) => open.workflowId === workflowId),
  );
  const left: string[] = [];
  setHandler(defineQuery(ruleMessages.state), () => state);
  setHandler(defineSignal<[readonly News[]]>(ruleMessages.news), (news) => {
    state = receive(state, settings, news);
  });
  setHandler(defineSignal<[RunOutcome]>(modelMessages.outcome), (outcome) => children.take(outcome));
  setHandler(defineSignal<[RuleSettings]>(ruleMessages.settings), (next) => {
    // Also where nothing differs: an asset that was terminated knows of no reader.
    isApplied = false;
    if (jsonDigest(next) === jsonDigest(settings)) return;
    left.push(...settings.assets.filter((asset) => !next.assets.includes(asset)));
    state = withSettings(state, settings, next);
    settings = next;
    upsertMemo({ [ruleMemo]: settings });
  });
  for (const run of openRuns(state)) children.reconcile(run).catch(() => undefined);
  const isFull = () => workflowInfo().continueAsNewSuggested;
  const hasWork = () => !isApplied || children.hasEnded || due(state, settings) !== undefined || isFull();
  try {
    for (;;) {
      await condition(hasWork);
      if (!isApplied) {
        isApplied = true;
        for (let asset = left.shift(); asset !== undefined; asset = left.shift()) await leave(settings, asset);
        await subscribe(settings);
      }
      for (let ended = children.next(); ended !== undefined; ended = children.next()) {
        state = end(state, ended.workflowId);
      }
      const next = due(state, settings);
      if (next !== undefined) {
        const { pipeline, rule } = settings;
        const of = next.partition === '' ? '' : `${next.partition}-`;
        const workflowId = `${pipeline}/${rule}-${of}${next.trigger}`;
        const prepared = await inputOf(settings, next);
        state = begin(state, settings, next, {
          workflowId,
          at: Date.now(),
          ...('refused' in prepared ? prepared : {}),
        });
        if ('refused' in prepared) {
          await tell(settings, `Rule "${rule}" starts no run on news${ofPartition(next)}: ${prepared.refused}`);
        } else await start(children, settings, next, workflowId, prepared.input);
      }
      const tidied = tidy(state);
      state = tidied.state;
      if (tidied.forgotten.length > 0) {
        const what = `${tidied.forgotten.length} partitions, from ${tidied.forgotten[0]} on`;
        await tell(
          settings,
          `Rule "${settings.rule}" has forgotten news of ${what}: too many wait for the other assets.`,
        );
      }
      if (isFull() && isApplied && !children.hasEnded) await continueAsNew({ settings, state } satisfies RuleStart);
    }
  } catch (error) {
    if (isCancellation(error)) {
      await CancellationScope.nonCancellable(async () => {
        for (const asset of [...settings.assets, ...left]) await leave(settings, asset);
      });
    }
    throw error;
  }
}

async function subscribe({ rule, project, pipeline, assets }: RuleSettings): Promise<void> {
  const reader: AssetReader = { rule, workflowId: workflowInfo().workflowId, pipeline };
  for (const asset of assets) await tellAsset(asset, project, assetMessages.reads, reader);
}

function leave({ rule, project }: RuleSettings, asset: string): Promise<void> {
  return tellAsset(asset, project, assetMessages.leaves, rule);
}

/** Waits for a worker that declares the rule. */
function inputOf({ rule }: RuleSettings, { partition, publications }: Due): Promise<RuleInput> {
  return scheduleActivity<RuleInput>(builtIn.ruleInput, [{ rule, partition, publications } satisfies RuleQuestion], {
    startToCloseTimeout: 60_000,
    heartbeatTimeout: 10_000,
    retry: { maximumInterval: 60_000 },
    summary: `input of a run on news${ofPartition({ partition })}`,
  });
}

async function start(
  children: ModelChildren,
  settings: RuleSettings,
  { partition, publications, trigger }: Due,
  workflowId: string,
  input: unknown,
): Promise<void> {
  const { rule, pipeline, seed, priority, isPartitioned } = settings;
  const news = publications.flatMap((one) => (one === null ? [] : { asset: one.asset, at: one.at, by: one.by }));
  const newest = publications.reduce((a, b) => ((b?.at ?? 0) > (a?.at ?? 0) ? b : a), null);
  const options: Omit<RunOptions, 'reportTo'> = {
    ...(seed === undefined ? {} : { seed }),
    ...(priority === undefined ? {} : { priority }),
    ...(isPartitioned === true && newest?.planned !== undefined ? { planned: newest.planned } : {}),
    startedOn: { rule, ...(partition === '' ? {} : { partition }), news },
  };
  const summary = `${pipeline} on news of ${settings.assets.join(', ')}`;
  // The rule may be cancelled, and its runs go on. One that the engine refuses is there already.
  await CancellationScope.nonCancellable(() =>
    children.start({ trigger, workflowId, pipeline, input, options, summary }),
  ).catch(() => undefined);
}

function ofPartition({ partition }: Pick<Due, 'partition'>): string {
  return partition === '' ? '' : ` of ${partition}`;
}

function tell({ pipeline }: RuleSettings, message: string): Promise<void> {
  return notice({ kind: 'run-failed', pipeline, message });
}
