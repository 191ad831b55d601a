import { scheduleLocalActivity, sleep } from '@temporalio/workflow';
import { jsonLength } from './json-size.js';
import { builtIn, type CacheLookup } from './protocol.js';

const maxHitBytes = 500_000;

/** Asks the step cache by local activities, whose answers the history keeps in markers. */
export class CacheLookups {
  private last: Promise<unknown> | undefined;
  private hitBytes = 0;

  /**
   * One look-up at a time. Local activities that are out together come back one by one, but a replay is handed all of them
   * at once: what each led to would then be called in another order, and the run could never go on.
   */
  ask(question: { readonly stepId: string }): Promise<CacheLookup> {
    const lookUp = () => this.lookUp(question);
    const turn = this.last === undefined ? lookUp() : this.last.then(lookUp, lookUp);
    this.last = turn;
    const done = () => {
      if (this.last === turn) this.last = undefined;
    };
    turn.then(done, done);
    return turn;
  }

  /** Hits travel together at the end of the workflow task: a new one begins before they are too much for it. */
  private async lookUp(question: { readonly stepId: string }): Promise<CacheLookup> {
    const found = await scheduleLocalActivity<CacheLookup>(builtIn.cacheLookup, [question], {
      startToCloseTimeout: 30_000,
      retry: { maximumAttempts: 2 },
      summary: `${question.stepId}: looked up in the cache`,
    });
    if (found.hit) this.hitBytes += jsonLength(found);
    if (this.hitBytes > maxHitBytes) {
      this.hitBytes = 0;
      await sleep(1);
    }
    return found;
  }
}
