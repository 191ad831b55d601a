import type { Lease } from '../../activities/sdk/ports.js';
import type { Resources } from '../../workflows/sdk/resources.js';
import type { Machine } from './machine.js';

interface Waiting {
  readonly needs: Resources;
  readonly enter: (gpus: readonly string[]) => void;
}

/** A lease to the one who took it. */
export interface OwnLease extends Lease {
  /** Gives back what is held, at once or when the work that holds it has ended. */
  close(): void;
}

/**
 * What of the machine is free. Who takes gets all it needs at once or waits, and nobody overtakes one who waits, so that
 * those who need much come to their turn and none holds a part of what another one needs.
 */
export class ResourceBudget {
  private cpu: number;
  private memoryBytes: number;
  private readonly gpus: string[];
  private readonly waiting: Waiting[] = [];
  private readonly listeners: (() => void)[] = [];

  constructor({ cpu, memoryBytes, gpus }: Machine) {
    this.cpu = cpu;
    this.memoryBytes = memoryBytes;
    this.gpus = [...gpus];
  }

  /** Whether it would be had at once. */
  hasRoom(needs: Resources): boolean {
    return this.waiting.length === 0 && this.isFree(needs);
  }

  /** Is told whenever something may have become free. */
  onRelease(listener: () => void): void {
    this.listeners.push(listener);
  }

  /** @param signal ends the wait */
  take(needs: Resources, signal: AbortSignal): OwnLease {
    if (this.hasRoom(needs)) return this.lease(needs, this.hold(needs));
    return this.lease(needs, this.turn(needs, signal));
  }

  private turn(needs: Resources, signal: AbortSignal): Promise<readonly string[]> {
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    return new Promise((resolve, reject) => {
      const abort = () => {
        this.waiting.splice(this.waiting.indexOf(waiting), 1);
        reject(signal.reason as Error);
        this.serve();
      };
      const enter = (gpus: readonly string[]) => {
        signal.removeEventListener('abort', abort);
        resolve(gpus);
      };
      const waiting = { needs, enter };
      this.waiting.push(waiting);
      signal.addEventListener('abort', abort, { once: true });
    });
  }

  private lease(needs: Resources, gpus: OwnLease['gpus']): OwnLease {
    let work: Promise<unknown> = Promise.resolve();
    // The step may have ended before it asks.
    if (gpus instanceof Promise) gpus.catch(() => undefined);
    const giveBack = async () => {
      const held = await Promise.resolve(gpus).catch(() => undefined);
      await work.catch(() => undefined);
      if (held !== undefined) this.release(needs, held);
    };
    return {
      needs,
      gpus,
      keepUntil: (given) => {
        work = given;
      },
      close: () => void giveBack(),
    };
  }

  private isFree({ cpu, memoryBytes, gpu }: Resources): boolean {
    // Shares of a core do not add up exactly.
    return cpu <= this.cpu + 1e-9 && memoryBytes <= this.memoryBytes && gpu <= this.gpus.length;
  }

  private hold({ cpu, memoryBytes, gpu }: Resources): readonly string[] {
    this.cpu -= cpu;
    this.memoryBytes -= memoryBytes;
    return this.gpus.splice(0, gpu);
  }

  private release({ cpu, memoryBytes }: Resources, gpus: readonly string[]): void {
    this.cpu += cpu;
    this.memoryBytes += memoryBytes;
    this.gpus.push(...gpus);
    this.serve();
  }

  private serve(): void {
    for (let first = this.waiting[0]; first !== undefined && this.isFree(first.needs); first = this.waiting[0]) {
      this.waiting.shift();
      first.enter(this.hold(first.needs));
    }
    for (const listener of this.listeners) listener();
  }
}
