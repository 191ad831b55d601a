import {
  defaultPayloadConverter,
  type Headers,
  setCurrentDetails,
  type WorkflowInterceptors,
  type WorkflowInterceptorsFactory,
} from '@temporalio/workflow';
import { currentDetails } from './current-details.js';
import { type StepHeader, stepHeader } from './step-header.js';

/** Asked by Temporal's UI and CLI. */
const metadataQuery = '__temporal_workflow_metadata';

/** The header of the step that is being scheduled; set right before the (synchronous) call that takes it. */
export const outgoing: { header: StepHeader | undefined } = { header: undefined };

/** The headers were made for this call alone, so they may be written to: a copy would cost each step. */
function putHeader(headers: Headers): void {
  if (outgoing.header === undefined) return;
  headers[stepHeader] = defaultPayloadConverter.toPayload(outgoing.header);
  outgoing.header = undefined;
}

/** Where a run waits, for Temporal's UI: of so many places nobody reads them, and each costs 2 KB for as long as it waits. */
const mostStacks = 200;

/** The SDK keeps a stack trace of each open promise, and has no switch for it. */
function forgetManyStacks(): void {
  const { __TEMPORAL_ACTIVATOR__: activator } = globalThis as typeof globalThis & Activated;
  const { promiseToStack, childToParent } = activator?.promiseStackStore ?? {};
  if (promiseToStack === undefined || promiseToStack.size <= mostStacks) return;
  promiseToStack.clear();
  childToParent?.clear();
}

interface Activated {
  readonly __TEMPORAL_ACTIVATOR__?: {
    readonly promiseStackStore?: {
      readonly promiseToStack: Map<Promise<unknown>, unknown>;
      readonly childToParent: Map<Promise<unknown>, unknown>;
    };
  };
}

/**
 * Puts the step header on activities, and answers Temporal's metadata query with the run's tree. The tree is built only
 * when somebody looks, so it costs a run nothing.
 */
export const interceptors: WorkflowInterceptorsFactory = (): WorkflowInterceptors => ({
  outbound: [
    {
      scheduleActivity(input, next) {
        putHeader(input.headers);
        return next(input);
      },
      scheduleLocalActivity(input, next) {
        putHeader(input.headers);
        return next(input);
      },
    },
  ],
  // The SDK passes its own queries by the interceptors of queries, so the task that brings one is looked at.
  internals: [
    {
      activate(input, next) {
        const jobs = input.activation.jobs ?? [];
        if (jobs.some(({ queryWorkflow }) => queryWorkflow?.queryType === metadataQuery)) {
          setCurrentDetails(currentDetails());
        }
        next(input);
      },
      concludeActivation(input, next) {
        forgetManyStacks();
        return next(input);
      },
    },
  ],
});
