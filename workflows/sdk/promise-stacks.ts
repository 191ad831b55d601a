/**
 * The SDK keeps a stack trace of each open promise, for the page of Temporal's UI that shows where a run waits. It has no
 * switch for it, and it costs more than anything else that a run of many steps does: each trace takes about 0.1 ms, and
 * 2 KB for as long as its promise is open. Of so many places nobody reads them, so a run that has had more than these at
 * once has none from then on.
 */
const mostStacks = 200;

interface Stacks {
  readonly promiseToStack: Map<Promise<unknown>, unknown>;
  readonly childToParent: Map<Promise<unknown>, unknown>;
}

interface Activated {
  readonly __TEMPORAL_ACTIVATOR__?: { readonly promiseStackStore?: Stacks };
}

const withoutStacks = new WeakSet<Stacks>();

const activator = () => (globalThis as Activated).__TEMPORAL_ACTIVATOR__;

function wantsStack(): boolean {
  const store = activator()?.promiseStackStore;
  if (store === undefined) return true;
  if (store.promiseToStack.size > mostStacks) {
    withoutStacks.add(store);
    store.promiseToStack.clear();
    store.childToParent.clear();
  }
  return !withoutStacks.has(store);
}

/** An error that no trace is taken for: the SDK keeps none then. */
class Stackless {}

const error = () => (wantsStack() ? Error : Stackless);

/**
 * The SDK's hook for promises reaches into a run's sandbox by the constructor of `Promise`, which is `Function`, with two
 * texts. It gets them answered without compiling anything, and an `Error` without a trace where none is wanted. Called
 * while modules are loaded for all runs of a worker, before their globals are frozen.
 */
export function limitPromiseStacks(): void {
  const compile = Function;
  const answer = (code: string) => {
    if (code === 'return globalThis.__TEMPORAL_ACTIVATOR__') return activator;
    if (code === 'return globalThis.Error') return error;
    return compile(code);
  };
  Object.defineProperty(Promise, 'constructor', { value: answer, configurable: true });
}
