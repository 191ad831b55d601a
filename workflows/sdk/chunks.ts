/** Items from `from` up to but not `to`. */
export interface ChunkRange {
  readonly from: number;
  readonly to: number;
}

/** Of all items of a fan-out together: the history of its run holds them once, and what they answer. */
export const maxItemBytes = 20_000_000;

const mostItems = 1_000;
const leastItems = 200;
/** Chunks that a fan-out has unless they would be too large or too small. */
const usualChunks = 50;
/** Of a chunk's items, so that several are open at once beside other child runs. */
const maxChunkBytes = 250_000;
/** Of what its steps are given, in the chunk's own history. */
const maxInputBytes = 10_000_000;

/** Cuts items of these sizes (bytes of JSON) into chunks; `bound` is what each gets beside its own. */
export function chunksOf({
  items,
  bound,
}: {
  readonly items: readonly number[];
  readonly bound: number;
}): ChunkRange[] {
  const most = Math.min(mostItems, Math.max(leastItems, Math.ceil(items.length / usualChunks)));
  const byInput = Math.max(1, Math.floor(maxInputBytes / (bound + 1)));
  const chunks: ChunkRange[] = [];
  let from = 0;
  let bytes = 0;
  for (const [at, size] of items.entries()) {
    const isFull = at - from >= Math.min(most, byInput) || bytes + size > maxChunkBytes;
    if (isFull && at > from) {
      chunks.push({ from, to: at });
      from = at;
      bytes = 0;
    }
    bytes += size;
  }
  if (from < items.length) chunks.push({ from, to: items.length });
  return chunks;
}
