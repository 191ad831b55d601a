import type { Client } from '@temporalio/client';
import type { Deployment } from '../workflows/sdk/model/deployment.js';
import type { RolloutFacts, RolloutGuards } from '../workflows/sdk/model/rollout-guards.js';
import type { WatchRequest } from '../workflows/sdk/model/rollout-watch.js';
import type { RolloutInput } from '../workflows/sdk/model/rollout.js';
import { stageLabel } from '../workflows/sdk/model/rollout-rule.js';
import { builtIn } from '../workflows/sdk/protocol.js';
import { decodeObject, eventsOf } from './history/decode.js';
import { fetchHistory } from './history/fetch.js';
import { projectRun } from './history/project-run.js';

/** How a version takes over from the champion, as it stands. Times are epoch milliseconds. */
export interface RolloutView {
  readonly workflowId: string;
  readonly champion: string;
  readonly challenger: string;
  readonly stages: readonly StageView[];
  /** Share of the requests; absent before the first stage. */
  readonly percent?: number;
  /** It computes that share beside the champion, which answers all. */
  readonly isShadow?: boolean;
  /** The model server is being told that share. */
  readonly isChanging: boolean;
  /** The present stage is not over before. */
  readonly heldUntil?: number;
  /** Nor before the challenger has computed so many requests. */
  readonly minRequests: number;
  readonly guards: RolloutGuards;
  /** What the last look at the model server found; absent before the first, and of one by a worker of before. */
  readonly facts?: RolloutFacts & { readonly requests?: number; readonly championRequests?: number };
}

export interface StageView {
  /** For example "10 %". */
  readonly label: string;
  readonly state: 'held' | 'now' | 'to come' | 'taken back';
}

/** From the rollout's run: its history has stages and shares, the engine what the last look found. */
export async function rolloutView(client: Client, workflowId: string): Promise<RolloutView> {
  const { namespace } = client.options;
  const { pendingActivities } = await client.workflowService.describeWorkflowExecution({
    namespace,
    execution: { workflowId },
  });
  const history = await fetchHistory(client, workflowId);
  const { input, gates } = projectRun({ history });
  const { champion, challenger, terms } = input as RolloutInput;
  const last = <T>(type: string): T | undefined => {
    const calls = eventsOf(history).flatMap((event) => event.activityTaskScheduledEventAttributes ?? []);
    return decodeObject<T>(calls.findLast((call) => call.activityType?.name === type)?.input?.payloads?.[0]);
  };
  const share = last<Deployment>(builtIn.deploy)?.challenger;
  const watch = last<WatchRequest>(builtIn.watch);
  const pending = (type: string) => pendingActivities?.find((one) => one.activityType?.name === type);
  const look = pending(builtIn.watch)?.lastFailure?.applicationFailureInfo?.details?.payloads?.[0];
  const facts = decodeObject<NonNullable<RolloutView['facts']>>(look);
  return {
    workflowId,
    champion: champion.version,
    challenger: challenger.version,
    stages: terms.stages.map((stage, n) => {
      const passed = gates[n]?.passed;
      const state = passed === undefined ? (n === gates.length ? 'now' : 'to come') : passed ? 'held' : 'taken back';
      return { label: stageLabel(stage), state };
    }),
    ...(share === undefined ? {} : { percent: share.percent, isShadow: share.isShadow === true }),
    isChanging: pending(builtIn.deploy) !== undefined,
    ...(watch === undefined || pending(builtIn.watch) === undefined ? {} : { heldUntil: watch.until }),
    minRequests: terms.minRequests,
    guards: terms.guards,
    ...(facts === undefined ? {} : { facts }),
  };
}
