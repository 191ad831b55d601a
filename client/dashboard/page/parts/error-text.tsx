import { Refused } from '../api.js';

/** An error as people should see it: what happened, and its code to look up. */
export function ErrorText({ error }: { error: unknown }) {
  const message = error instanceof Error ? error.message : String(error);
  return (
    <p class="problem" role="alert">
      {message} {error instanceof Refused && <code>{error.code}</code>}
    </p>
  );
}
