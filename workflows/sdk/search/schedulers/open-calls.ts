import type { CallEnd } from '../scheduler.js';

/** The calls that a scheduler has begun; a trial has at most one at a time. */
export class OpenCalls {
  /** By trial, the rung. */
  private readonly rungs = new Map<number, number>();

  get size(): number {
    return this.rungs.size;
  }

  begin(trial: number, rung: number): void {
    this.rungs.set(trial, rung);
  }

  /** What the call came to: its value, or nothing where it failed. A value that is not a number is a failure. */
  end({ trial, rung, value }: CallEnd): number | undefined {
    if (this.rungs.get(trial) !== rung) {
      throw new Error(`scheduler: call ${rung} of trial ${trial} has ended, but is not open.`);
    }
    this.rungs.delete(trial);
    return value === undefined || Number.isNaN(value) ? undefined : value;
  }
}
