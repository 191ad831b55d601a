import type { ActivitySlotInfo, CustomSlotSupplier, SlotPermit } from '@temporalio/worker';
import type { Resources } from '../../workflows/sdk/resources.js';
import type { OwnLease, ResourceBudget } from './resource-budget.js';

export interface ResourceSlotsOptions {
  readonly budget: ResourceBudget;
  /** Of each kind of resource, what the step that needs the least of it needs. */
  readonly least: Resources;
  /** Steps at work at once, whatever is free. */
  readonly most: number;
}

/**
 * Slots of a queue whose steps declare what they need. Which step comes is known only when it has come, and then it is
 * this worker's. So one poll at a time is open, and only while the least that a step of the queue needs is free: a full
 * worker takes no step that another one could begin. A step that needs more than is free waits here, before all others.
 */
export class ResourceSlots implements CustomSlotSupplier<ActivitySlotInfo> {
  readonly type = 'custom';
  private readonly permits = new Set<SlotPermit>();
  /** Of these, those whose step has come. */
  private used = 0;
  private readonly waiting = new Set<() => void>();

  constructor(private readonly options: ResourceSlotsOptions) {
    options.budget.onRelease(() => this.look());
  }

  async reserveSlot(_: unknown, signal: AbortSignal): Promise<SlotPermit> {
    for (;;) {
      signal.throwIfAborted();
      const permit = this.tryReserveSlot();
      if (permit === null) {
        await this.change(signal);
        continue;
      }
      // Called off on its way to who asked: nobody else would give it back.
      signal.addEventListener('abort', () => this.releaseSlot({ permit }), { once: true });
      return permit;
    }
  }

  tryReserveSlot(): SlotPermit | null {
    const { budget, least, most } = this.options;
    const isOpen = this.used === this.permits.size && this.used < most && budget.hasRoom(least);
    if (!isOpen) return null;
    const permit = {};
    this.permits.add(permit);
    return permit;
  }

  markSlotUsed(): void {
    // `run` comes to the same step, and knows what it needs.
  }

  releaseSlot({ permit }: { readonly permit: SlotPermit }): void {
    this.permits.delete(permit);
    this.look();
  }

  /** Runs a step that has come; what it takes is held until its work has ended, which may be after its attempt. */
  async run<T>(needs: Resources, signal: AbortSignal, step: (lease: OwnLease) => Promise<T>): Promise<T> {
    const lease = this.options.budget.take(needs, signal);
    this.used++;
    this.look();
    try {
      return await step(lease);
    } finally {
      this.used--;
      lease.close();
    }
  }

  private change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.waiting.delete(look);
        signal.removeEventListener('abort', abort);
      };
      const abort = () => {
        leave();
        reject(signal.reason as Error);
      };
      const look = () => {
        leave();
        resolve();
      };
      this.waiting.add(look);
      signal.addEventListener('abort', abort, { once: true });
    });
  }

  private look(): void {
    for (const look of [...this.waiting]) look();
  }
}
