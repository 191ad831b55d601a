import {
  defaultPayloadConverter,
  setCurrentDetails,
  type WorkflowInterceptors,
  type WorkflowInterceptorsFactory,
} from '@temporalio/workflow';
import { currentDetails } from './current-details.js';
import { type StepHeader, stepHeader } from './protocol.js';

/** The header of the step that is being scheduled; set right before the (synchronous) call that takes it. */
export const outgoing: { header: StepHeader | undefined } = { header: undefined };

/**
 * Puts the step header on activities, and answers Temporal's metadata query with the run's tree. The tree is built only
 * when somebody looks, so it costs a run nothing.
 */
export const interceptors: WorkflowInterceptorsFactory = (): WorkflowInterceptors => ({
  outbound: [
    {
      scheduleActivity(input, next) {
        const header = outgoing.header;
        if (header === undefined) return next(input);
        outgoing.header = undefined;
        const payload = defaultPayloadConverter.toPayload(header);
        return next({ ...input, headers: { ...input.headers, [stepHeader]: payload } });
      },
    },
  ],
  inbound: [
    {
      handleQuery(input, next) {
        if (input.queryName === '__temporal_workflow_metadata') setCurrentDetails(currentDetails());
        return next(input);
      },
    },
  ],
});
