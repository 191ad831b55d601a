const longestText = 10_000;

export function shortText(text: string): string {
  return text.length <= longestText ? text : `${text.slice(0, longestText)}…`;
}

/** The error, or a copy with its beginning: a failure of megabytes never reaches the engine, and its run would hang. */
export function shortError(error: Error, depth = 5): Error {
  const isLast = depth === 0 || !(error.cause instanceof Error);
  const cause = isLast ? undefined : shortError(error.cause as Error, depth - 1);
  const isShort = error.message.length <= longestText && (error.stack?.length ?? 0) <= 2 * longestText;
  if (isShort && (isLast || cause === error.cause)) return error;
  const copy = new Error(shortText(error.message), cause === undefined ? undefined : { cause });
  copy.name = error.name;
  copy.stack = shortText(error.stack ?? '');
  return copy;
}
