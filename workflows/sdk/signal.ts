import { awaitable } from './awaitable.js';
import { type Duration, durationMs } from './duration.js';
import { isEvertrainError } from './errors.js';
import { checkName } from './options.js';
import { currentScope } from './run-scope.js';
import { type Decoded, decode, type Encoded, type Schema } from './schema.js';

/** A typed message to a run. The client checks it before sending; what arrives malformed all the same is set aside. */
export interface SignalDefinition<S extends Schema | undefined = Schema | undefined> {
  readonly kind: 'signal';
  readonly name: string;
  readonly schema: S;
}

export interface Signal<S extends Schema | undefined> extends SignalDefinition<S> {
  /** The next one that has not been taken, waiting for it; `undefined` when `within` is over first. */
  next(options?: { readonly within?: Duration }): Promise<Decoded<S> | undefined>;
  /** All that arrived and have not been taken, oldest first. */
  take(): Decoded<S>[];
}

/** What a client sends. */
export type SignalPayload<S extends SignalDefinition> = Encoded<S['schema']>;

export function signal<S extends Schema | undefined = undefined>(name: string, schema?: S): Signal<S> {
  checkName('signal', name);
  const takeOne = (waiting: unknown[]): { value: unknown } | undefined => {
    while (waiting.length > 0) {
      const value = waiting.shift();
      try {
        return { value: decode(schema, value, 'USER_SIGNAL_INVALID', `signal "${name}"`) };
      } catch (error) {
        if (!isEvertrainError(error) || error.code !== 'USER_SIGNAL_INVALID') throw error;
      }
    }
    return undefined;
  };
  const next = async (options: { readonly within?: Duration }) => {
    const { host } = currentScope(`signal "${name}"`);
    const withinMs = options.within === undefined ? undefined : durationMs(options.within, `signal "${name}": within`);
    let taken: { value: unknown } | undefined;
    const arrived = () => (taken ??= takeOne(inbox(host.signals, name))) !== undefined;
    await host.wait(arrived, withinMs);
    return taken?.value as Decoded<S> | undefined;
  };
  return {
    kind: 'signal',
    name,
    schema: schema as S,
    next: (options = {}) => awaitable(next(options)),
    take() {
      const waiting = inbox(currentScope(`signal "${name}"`).host.signals, name);
      const all: Decoded<S>[] = [];
      for (let one = takeOne(waiting); one !== undefined; one = takeOne(waiting)) all.push(one.value as Decoded<S>);
      return all;
    },
  };
}

function inbox(signals: Map<string, unknown[]>, name: string): unknown[] {
  const found = signals.get(name) ?? [];
  signals.set(name, found);
  return found;
}
