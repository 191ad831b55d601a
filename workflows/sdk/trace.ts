import { proxySinks, type Sinks } from '@temporalio/workflow';

/** A call of the API by a pipeline, in a replay that asks for them (`RunOptions.trace`). */
export interface TracedCall {
  /** For example `step "iris.train"`, `gate "accuracy"`, `sleep`. */
  readonly what: string;
  /** JavaScript's stack at the call. */
  readonly stack: string;
}

export interface TraceSinks extends Sinks {
  evertrainTrace: { called(call: TracedCall): void };
}

export function trace(what: string): void {
  const { evertrainTrace } = proxySinks<TraceSinks>();
  evertrainTrace.called({ what, stack: new Error().stack ?? '' });
}
