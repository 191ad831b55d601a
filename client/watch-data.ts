import { WorkflowNotFoundError } from '@temporalio/client';
import { jsonDigest } from '../workflows/sdk/digest.js';
import { type Duration, durationMs } from '../workflows/sdk/duration.js';
import { EvertrainError, show } from '../workflows/sdk/errors.js';
import { checkBatch } from '../workflows/sdk/model/batch.js';
import { modelWorkflowType } from '../workflows/sdk/model/messages.js';
import { checkOptions } from '../workflows/sdk/options.js';
import { defaultQueue } from '../workflows/sdk/protocol.js';
import type { Condition, NewsFacts } from '../workflows/sdk/sensors/condition.js';
import { prefixHasNews } from '../workflows/sdk/sensors/objects.js';
import {
  type WatchSettings,
  watchSignal,
  type WatchStart,
  watchWorkflowId,
  watchWorkflowType,
} from '../workflows/sdk/sensors/run-watch.js';
import type { RunContext } from './context.js';
import { modelStart } from './send-data.js';
import { toEvertrainError } from './to-error.js';

export interface WatchOptions {
  /** Between two looks. Default 1 minute. */
  readonly every?: Duration;
  /** What each object counts for where the model's policy counts rows. Default 0. */
  readonly rows?: number;
  /** Small facts that each batch has. */
  readonly attributes?: Readonly<Record<string, unknown>>;
}

export async function watchData(
  { client, address }: RunContext,
  model: string,
  condition: Condition<NewsFacts>,
  options: WatchOptions,
): Promise<void> {
  const what = `the watch of model "${model}"`;
  checkOptions(what, options, ['every', 'rows', 'attributes']);
  if (condition?.kind !== 'news') {
    throw new EvertrainError('USER_OPTION_INVALID', `${what} is over ${show(condition)}.`, {
      value: condition,
      remedy: 'Make it by prefixHasNews(…).',
    });
  }
  const { every = '1m', rows = 0, attributes } = options;
  const some = attributes === undefined ? {} : { attributes };
  checkBatch(model, undefined, { id: 'x', uri: condition.uri, rows, ...some }, `what ${what} tells`);
  const settings: WatchSettings = { model, condition, everyMs: durationMs(every, `${what}: every`), rows, ...some };
  try {
    await client.workflow.start(modelWorkflowType, { ...modelStart(model), workflowIdConflictPolicy: 'USE_EXISTING' });
    await client.workflow.signalWithStart(watchWorkflowType, {
      workflowId: idOf(model, condition.uri),
      args: [{ settings }] as [WatchStart],
      taskQueue: defaultQueue,
      staticSummary: `model ${model}: ${condition.words}`,
      signal: watchSignal,
      signalArgs: [settings],
    });
  } catch (error) {
    throw toEvertrainError(error, { what, address });
  }
}

export async function unwatchData({ client, address }: RunContext, model: string, uri: string): Promise<void> {
  const condition = prefixHasNews(uri) as { readonly uri: string };
  const watch = client.workflow.getHandle(idOf(model, condition.uri));
  try {
    await watch.cancel();
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError))
      throw toEvertrainError(error, { what: `the watch of model "${model}"`, address });
  }
}

function idOf(model: string, uri: string): string {
  return watchWorkflowId(model, jsonDigest(uri));
}
