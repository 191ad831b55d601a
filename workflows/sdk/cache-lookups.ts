import { scheduleLocalActivity, sleep } from '@temporalio/workflow';
import { jsonLength } from './json-size.js';
import type { LocalActivities } from './local-activities.js';
import { builtIn, type CacheLookup } from './protocol.js';

/** Asks the step cache by local activities, whose answers the history keeps in markers. */
export class CacheLookups {
  constructor(private readonly local: LocalActivities) {}

  ask(question: { readonly stepId: string }): Promise<CacheLookup> {
    return this.local.inTurn(() => this.lookUp(question));
  }

  private async lookUp(question: { readonly stepId: string }): Promise<CacheLookup> {
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
