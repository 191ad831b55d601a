import { EvertrainError } from '../../workflows/sdk/errors.js';
import type { LiveCounts, LiveReport } from '../../workflows/sdk/model/live-report.js';
import type { WatchAnswer, WatchRequest } from '../../workflows/sdk/model/rollout-watch.js';
import { momentsOf } from './metric-evidence.js';
import { askModelServer } from './model-server.js';
import { judgeRollout } from './rollout-guards.js';
import { challengerShare } from './thompson-split.js';

/** Smaller shifts of a bandit's shares are not worth a deployment. */
const leastShift = 2;

/** What a look found that leads to another. */
export interface LookedAt {
  readonly ended?: undefined;
  readonly facts: WatchAnswer['facts'];
}

/** One look at a rollout: what is to be done now, if anything is. */
export async function watchRollout(
  address: string,
  request: WatchRequest,
  { now, signal }: { readonly now: number; readonly signal?: AbortSignal },
): Promise<WatchAnswer | LookedAt> {
  const needsLabels = request.guards.metric !== undefined || request.bandit !== undefined;
  const live = needsLabels ? '/live?scores=true' : '/live';
  const report = (await askModelServer(address, request.model, live, { signal })) as unknown as LiveReport;
  if (report.revision !== request.revision) {
    const what = `The model server serves revision ${report.revision} of ${request.model}, not this rollout's`;
    throw new EvertrainError('SYSTEM_FENCED', `${what} ${request.revision}.`, { value: report.revision });
  }
  const champion = report.versions[request.champion];
  const challenger = report.versions[request.challenger];
  // After a restart of the server the champion serves alone where the challenger cannot be loaded.
  if (champion !== undefined && challenger === undefined) {
    return { ended: 'aborted', reason: 'the model server could not load it again', facts: {} };
  }
  const { abort, facts: found } = judgeRollout(request.guards, champion, challenger);
  const facts = { ...found, requests: challenger?.requests ?? 0, championRequests: champion?.requests ?? 0 };
  if (abort !== undefined) return { ended: 'aborted', reason: abort, facts };
  const isOver = now >= request.until;
  if (request.bandit !== undefined) return shift(request.bandit, { champion, challenger, isOver, facts });
  return isOver && facts.requests >= request.minRequests ? { ended: 'held', facts } : { facts };
}

interface Look {
  readonly champion: LiveCounts | undefined;
  readonly challenger: LiveCounts | undefined;
  readonly isOver: boolean;
  readonly facts: Readonly<Record<string, unknown>>;
}

function shift(
  bandit: NonNullable<WatchRequest['bandit']>,
  { champion, challenger, isOver, facts: found }: Look,
): WatchAnswer | LookedAt {
  const { metric, floor, confidence } = bandit;
  const moments = { champion: momentsOf(metric, champion), challenger: momentsOf(metric, challenger) };
  const { percent, probabilityBetter, stop } = challengerShare({ ...moments, metric, floor, sureAt: confidence });
  const facts = {
    ...found,
    probabilityBetter,
    labels: moments.challenger?.count ?? 0,
    championLabels: moments.champion?.count ?? 0,
  };
  const likely = `better on ${metric} with a probability of ${probabilityBetter.toPrecision(3)}`;
  if (stop === 'challenger') return { ended: 'won', reason: `the labels say that it is ${likely}`, facts };
  if (stop === 'champion') return { ended: 'aborted', reason: `the labels say that it is ${likely} only`, facts };
  if (isOver) return { ended: 'aborted', reason: `the labels have not decided in time: ${likely}`, facts };
  return Math.abs(percent - bandit.percent) < leastShift ? { facts } : { ended: 'shifted', percent, facts };
}
