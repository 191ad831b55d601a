import {
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  getExternalWorkflowHandle,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import { jsonLength } from '../json-size.js';
import { notice } from '../notice.js';
import {
  addReader,
  dropReader,
  emptyAsset,
  isAssetMessage,
  lastAt,
  publish,
  readerToTell,
  staleAt,
  told,
} from './asset-state.js';
import { assetMessages, type AssetReader, type AssetStart, ruleMessages } from './messages.js';

/** In one message to a rule. */
const mostAtOnce = 200;
/** The engine refuses a start argument of 2 MB. */
const mostBytes = 1_500_000;

/**
 * An asset's life as a workflow: publications come in by signals, each reader (a rule) is told of them in order, and
 * people when nothing has come for too long. What a reader has not been told yet is part of the state, which is handed
 * over when the workflow continues as new.
 */
export async function runAsset({ asset, state: before }: AssetStart): Promise<never> {
  let state = before ?? emptyAsset();
  let isTelling = false;
  setHandler(defineQuery(assetMessages.state), () => state);
  setHandler(defineSignal<[unknown]>(assetMessages.published), (given) => {
    if (isAssetMessage(given)) state = publish(state, given);
  });
  setHandler(defineSignal<[AssetReader]>(assetMessages.reads), (reader) => {
    state = addReader(state, reader);
  });
  setHandler(defineSignal<[string]>(assetMessages.leaves), (rule) => {
    state = dropReader(state, rule);
  });
  const watchAge = async () => {
    for (;;) {
      await condition(() => staleAt(state) !== undefined);
      const at = staleAt(state) ?? 0;
      // A publication puts it off, for which this timer need not be another one.
      await condition(() => (staleAt(state) ?? at) < at, Math.max(1, at - Date.now()));
      const last = lastAt(state);
      if ((staleAt(state) ?? Number.POSITIVE_INFINITY) > Date.now() || last === undefined) continue;
      isTelling = true;
      const since = new Date(last).toISOString();
      const message = `Asset "${asset}" is stale: nothing was published since ${since}.`;
      await notice({ kind: 'asset-stale', pipeline: workflowInfo().workflowType, message, facts: { asset, since } });
      state = { ...state, toldStale: last };
      isTelling = false;
    }
  };
  watchAge().catch(() => undefined);
  for (;;) {
    const isFull = () => workflowInfo().continueAsNewSuggested && !isTelling;
    await condition(() => readerToTell(state) !== undefined || isFull());
    const reader = readerToTell(state);
    // What is too much to hand over is told first.
    if (isFull() && (reader === undefined || jsonLength(state) < mostBytes)) {
      await continueAsNew({ asset, state } satisfies AssetStart);
    }
    if (reader === undefined) continue;
    const news = reader.untold.slice(0, mostAtOnce);
    const isThere = await getExternalWorkflowHandle(reader.workflowId)
      .signal(ruleMessages.news, news)
      .then(
        () => true,
        () => false,
      );
    state = isThere ? told(state, reader.rule, news) : dropReader(state, reader.rule);
  }
}
