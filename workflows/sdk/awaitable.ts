/**
 * What a call in a pipeline answers. The pipeline may wait for it long after it has failed; Temporal takes a rejection
 * that nobody has handled by the end of a workflow task for a bug, and the run would hang.
 */
export function awaitable<T>(call: Promise<T>): Promise<T> {
  call.catch(() => undefined);
  return call;
}

/** Makes the call; what it throws at once becomes a rejection, too, which counts as handled (see `awaitable`). */
export function called<T>(call: () => Promise<T>): Promise<T> {
  try {
    return call();
  } catch (error) {
    return awaitable(Promise.reject(error as Error));
  }
}
