import { setTimeout as sleep } from 'node:timers/promises';
import type { EvertrainError } from '../../workflows/sdk/errors.js';
import type { Evertrain } from '../evertrain.js';
import type { Effect } from './effect.js';
import type { ModelRoom } from './model-room.js';
import { recordEffects } from './record-effects.js';

const firstPauseMs = 250;
const longestPauseMs = 10_000;

interface Settling {
  readonly evertrain: Evertrain;
  readonly room: ModelRoom;
  readonly log: (line: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Goes on until the engine has recorded all effects, however long it is away, but those that can never be recorded: answers
 * why, by the effect. Gives up when `signal` aborts, and rejects.
 */
export async function settleEffects(
  { evertrain, room, log, signal }: Settling,
  effects: readonly Effect[],
): Promise<Map<Effect, EvertrainError>> {
  const hopeless = new Map<Effect, EvertrainError>();
  let left = effects;
  await room.lookAhead(effects);
  for (let pauseMs = firstPauseMs; left.length > 0; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
    const errors = await recordEffects(evertrain, left, (some) => room.for(some, signal));
    const again: Effect[] = [];
    for (const [n, effect] of left.entries()) {
      const error = errors[n];
      if (error?.code.startsWith('SYSTEM_')) again.push(effect);
      else if (error !== undefined) hopeless.set(effect, error);
    }
    left = again;
    if (left.length === 0) break;
    if (pauseMs === firstPauseMs) log(`Events wait to be recorded: ${errors.find((error) => error)?.message}`);
    await sleep(pauseMs, undefined, { signal });
  }
  return hopeless;
}
