import type { ConnectionOptions } from '@temporalio/client';

type Interceptor = NonNullable<ConnectionOptions['interceptors']>[number];
type Call = ReturnType<Interceptor>;

const cancelled = 1;

/**
 * Temporal's client tries a failed call again from a timer, and gRPC throws there when the connection was closed
 * meanwhile: an exception that nobody can catch ends the process of the application. Placed inside of the retries, this
 * answers such a call as cancelled.
 */
export function cancelAfterClose(isClosed: () => boolean): Interceptor {
  return (options, nextCall) => (isClosed() ? cancelledCall() : nextCall(options)) as Call;
}

function cancelledCall(): Pick<Call, 'start' | 'sendMessage' | 'halfClose' | 'cancelWithStatus'> {
  return {
    start(metadata, listener) {
      listener?.onReceiveStatus?.({ code: cancelled, details: 'The connection was closed.', metadata });
    },
    sendMessage: () => undefined,
    halfClose: () => undefined,
    cancelWithStatus: () => undefined,
  };
}
