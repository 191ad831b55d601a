import type { EventRule } from '../../workflows/sdk/events/on.js';
import { listenToKafka } from './kafka-listener.js';
import type { Listener, ListenerContext } from './listener.js';
import { ModelRoom } from './model-room.js';
import { listenToPostgres } from './postgres-listener.js';

/** Listens to Kafka and PostgreSQL for those of the rules that have their events from there; undefined where none has. */
export function listen(context: Omit<ListenerContext, 'room'>, rules: readonly EventRule[]): Listener | undefined {
  const room = new ModelRoom(context.evertrain, context.log);
  const listeners = rules.flatMap((rule) => {
    if (rule.source.kind === 'kafka') return [listenToKafka({ ...context, room }, rule)];
    return rule.source.kind === 'postgres' ? [listenToPostgres({ ...context, room }, rule)] : [];
  });
  if (listeners.length === 0) return undefined;
  for (const { ended } of listeners) ended.catch(() => undefined);
  return {
    ended: Promise.race(listeners.map(({ ended }) => ended)),
    stop: async () => void (await Promise.all(listeners.map((one) => one.stop()))),
  };
}
