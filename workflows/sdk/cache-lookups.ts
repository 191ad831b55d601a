import { scheduleActivity, scheduleLocalActivity, sleep } from '@temporalio/workflow';
import type { CacheClaim, CacheLookup, CacheWait } from './cache-messages.js';
import { checkRoom } from './history-room.js';
import { jsonLength } from './json-size.js';
import { PendingWindow, PlaceInWindow } from './pending-window.js';
import type { LocalActivities } from './local-activities.js';
import { builtIn } from './protocol.js';

interface Question {
  readonly step: string;
  readonly stepId: string;
}

/** Asks the step cache by local activities, whose answers the history keeps in markers. */
export class CacheLookups {
  /** Of its own: who waits for another call must not keep that one from being made. */
  private readonly waits = new PendingWindow();

  constructor(private readonly local: LocalActivities) {}

  ask(question: Question): Promise<CacheLookup> {
    return this.local.inTurn(() => this.lookUp(question));
  }

  /**
   * Asks again when another call's claim on the key is over, by success or not, until the call at hand has an answer or a
   * claim of its own. A claim that is over for the wait and not for the look-up (their workers share no journal) is let be.
   */
  async askAfter(claim: CacheClaim, key: string, question: Question): Promise<CacheLookup> {
    let busy = claim;
    for (;;) {
      await this.wait({ stepId: question.stepId, step: question.step, key, claim: busy });
      const found = await this.ask(question);
      if (found.hit || found.busy === undefined) return found;
      if (found.busy.runId === busy.runId && found.busy.stepId === busy.stepId && found.busy.number === busy.number) {
        return found;
      }
      busy = found.busy;
    }
  }

  private async wait(wait: CacheWait): Promise<void> {
    const place = new PlaceInWindow(jsonLength(wait));
    const { stepId, claim } = wait;
    try {
      await this.waits.run(place, () => {
        checkRoom(stepId);
        return scheduleActivity<void>(builtIn.cacheWait, [wait], {
          startToCloseTimeout: 10_000,
          // Each attempt but the last fails: the engine waits, and nothing is held in between.
          retry: { initialInterval: 250, backoffCoefficient: 1.5, maximumInterval: 5_000 },
          summary: `${stepId}: waits for ${claim.stepId} of ${claim.workflowId}`,
        });
      });
    } finally {
      this.waits.leave(place);
    }
  }

  private async lookUp(question: Question): Promise<CacheLookup> {
    const found = await scheduleLocalActivity<CacheLookup>(builtIn.cacheLookup, [question], {
      startToCloseTimeout: 30_000,
      retry: { maximumAttempts: 2 },
      summary: `${question.stepId}: looked up in the cache`,
    });
    if (found.hit) {
      this.local.add({ bytes: jsonLength(found) });
      if (this.local.isFull) await this.local.record(() => sleep(1));
    }
    return found;
  }
}
