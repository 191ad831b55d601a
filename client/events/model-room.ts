import { setTimeout as sleep } from 'node:timers/promises';
import { mostWaitingBytes } from '../../workflows/sdk/model/data.js';
import { mostWaiting } from '../../workflows/sdk/model/policy.js';
import type { Evertrain } from '../evertrain.js';
import { toEvertrainError } from '../to-error.js';
import type { Effect } from './effect.js';

/** Of what is free in a model at a look, so much is sent before the next: others may send to it, too. */
const share = 1 / 4;
const againMs = 500;
const looksAtOnce = 20;
/** What a model notes of each batch. */
const receivedAtBytes = 30;

interface Room {
  batches: number;
  bytes: number;
}

/**
 * A model refuses batches while too many wait to be trained on, for want of a worker, say. A stream of them that cannot be
 * asked to send again waits here until there is room.
 */
export class ModelRoom {
  private readonly rooms = new Map<string, Room>();

  constructor(
    private readonly evertrain: Evertrain,
    private readonly log: (line: string) => void,
  ) {}

  /** Looks at the models that it has not looked at, ahead of a burst: while they take it in, they answer late. */
  async lookAhead(effects: readonly Effect[]): Promise<void> {
    const names = new Set(effects.flatMap((effect) => (effect.kind === 'batch' ? [effect.model.name] : [])));
    const unknown = [...names].filter((name) => !this.rooms.has(name)).values();
    const work = async () => {
      for (const name of unknown) {
        const free = await this.look(name).catch(() => undefined);
        if (free !== undefined) this.rooms.set(name, { batches: free.batches * share, bytes: free.bytes * share });
      }
    };
    await Promise.all(Array.from({ length: looksAtOnce }, work));
  }

  /** Waits until the model has room for batches, which are of one model. SYSTEM_… where it does not answer. */
  async for(effects: readonly Effect[], signal: AbortSignal): Promise<void> {
    const batches = effects.flatMap((effect) => (effect.kind === 'batch' ? [effect] : []));
    const [first] = batches;
    if (first === undefined) return;
    const bytes = batches.reduce((sum, { batch }) => sum + JSON.stringify(batch).length + receivedAtBytes, 0);
    await this.take(first.model.name, { batches: batches.length, bytes }, signal);
  }

  private async take(model: string, need: Room, signal: AbortSignal): Promise<void> {
    const known = this.rooms.get(model) ?? { batches: 0, bytes: 0 };
    this.rooms.set(model, known);
    for (let isTold = false; known.batches < need.batches || known.bytes < need.bytes; ) {
      signal.throwIfAborted();
      const free = await this.look(model);
      known.batches = free.batches >= need.batches ? Math.max(need.batches, free.batches * share) : 0;
      known.bytes = free.bytes >= need.bytes ? Math.max(need.bytes, free.bytes * share) : 0;
      if (known.batches > 0 && known.bytes > 0) break;
      if (!isTold) this.log(`Model "${model}" has too many batches waiting; what is for it waits.`);
      isTold = true;
      await sleep(againMs, undefined, { signal });
    }
    known.batches -= need.batches;
    known.bytes -= need.bytes;
  }

  private async look(model: string): Promise<Room> {
    try {
      const { data } = await this.evertrain.model(model).state();
      return {
        batches: mostWaiting - (data?.waiting.length ?? 0),
        bytes: mostWaitingBytes - (data?.waitingBytes ?? 0),
      };
    } catch (error) {
      const known = toEvertrainError(error);
      if (known.code !== 'USER_MODEL_UNKNOWN') throw known;
      return { batches: mostWaiting, bytes: mostWaitingBytes };
    }
  }
}
