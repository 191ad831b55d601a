import {
  CancellationScope,
  continueAsNew,
  defineSignal,
  getExternalWorkflowHandle,
  isCancellation,
  setHandler,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import type { Artifact } from '../artifact.js';
import { jsonDigest } from '../digest.js';
import type { Batch } from '../model/batch.js';
import { modelMessages, modelWorkflowId } from '../model/messages.js';
import { notice } from '../notice.js';
import type { NewsCondition, NewsFacts, ObjectFacts, SensorRequest } from './condition.js';
import { objectId } from './object-uri.js';
import { waitForSensor } from './wait-for-sensor.js';

/** Tells a model of objects that come below a prefix; its workflow id is `watchWorkflowId(model, uri)`. */
export const watchWorkflowType = 'evertrain.watch';

/** `prefix`: a digest of its uri. */
export function watchWorkflowId(model: string, prefix: string): string {
  return `${modelWorkflowId(model)}/watch/${prefix}`;
}

/** Signal `WatchSettings`: the watch goes by these from now on. */
export const watchSignal = 'evertrain.watch.settings';

export interface WatchSettings {
  readonly model: string;
  readonly condition: NewsCondition & { readonly words: string };
  readonly everyMs: number;
  /** What each object counts for in the model's policy. */
  readonly rows: number;
  readonly attributes?: Batch['attributes'];
}

/** First start argument of a watch; the mark is handed over when it continues as new. */
export interface WatchStart {
  readonly settings: WatchSettings;
  readonly mark?: Artifact;
}

const newsAtOnce = 100;
const batchesInSignal = 200;
const againMs = 60_000;

/**
 * A watch over a prefix as a workflow: each object that is new or changed is told to the model as a batch, whose id the
 * model knows again should it be told twice. What was told is in the mark, which counts only when the model has it.
 */
export async function runWatch({ settings: first, mark: known }: WatchStart): Promise<void> {
  let settings = first;
  let mark = known;
  let looking: CancellationScope | undefined;
  setHandler(defineSignal<[WatchSettings]>(watchSignal), (next) => {
    if (jsonDigest(next) === jsonDigest(settings)) return;
    settings = next;
    looking?.cancel();
  });
  for (let told = 0; told < newsAtOnce && !workflowInfo().continueAsNewSuggested; told++) {
    looking = new CancellationScope();
    const id = `news#${told + 1}`;
    const news = await looking
      .run(() => nextNews(settings, mark, id))
      .catch((error: unknown) => {
        if (!isCancellation(error) || CancellationScope.current().consideredCancelled) throw error;
        return undefined;
      });
    if (news === undefined) continue;
    await tell(settings, news.objects);
    mark = news.mark;
  }
  await continueAsNew({ settings, ...(mark === undefined ? {} : { mark }) } satisfies WatchStart);
}

async function nextNews({ model, condition, everyMs }: WatchSettings, mark: Artifact | undefined, id: string) {
  const since = mark ?? condition.since;
  const request: SensorRequest = {
    name: 'news',
    condition: { ...condition, ...(since === undefined ? {} : { since }) },
    everyMs,
  };
  try {
    const answer = await waitForSensor(request, id);
    return answer.met ? (answer.facts as NewsFacts) : undefined;
  } catch (error) {
    if (isCancellation(error)) throw error;
    const message = `model "${model}" is told of no more data: ${String((error as Error).cause ?? error)}`;
    await notice({ kind: 'run-failed', pipeline: workflowInfo().workflowType, message });
    throw error;
  }
}

/** A model that is not open is tried again: it may be restored, or trained for the first time. */
async function tell({ model, rows, attributes }: WatchSettings, objects: readonly ObjectFacts[]): Promise<void> {
  const batches = objects.map(
    (object): Batch => ({
      id: objectId(object),
      uri: object.uri,
      rows,
      at: new Date(object.modifiedAt).getTime(),
      ...(attributes === undefined ? {} : { attributes }),
    }),
  );
  const handle = getExternalWorkflowHandle(modelWorkflowId(model));
  for (let from = 0; from < batches.length; ) {
    const some = batches.slice(from, from + batchesInSignal);
    const isTold = await handle.signal(modelMessages.data, some).then(
      () => true,
      (error: unknown) => {
        if (isCancellation(error)) throw error;
        return false;
      },
    );
    if (isTold) from += batchesInSignal;
    else await sleep(againMs, { summary: `model "${model}" is not there` });
  }
}
