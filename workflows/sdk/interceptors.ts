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
    },
  ],
});
