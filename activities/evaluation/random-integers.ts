/**
 * Chris Doty-Humphrey's sfc32 (PractRand): 32-bit integers, equal for equal seeds on every machine. Its first draws, in
 * which near seeds look alike, are thrown away.
 */
export function randomIntegers(seed: number): () => number {
  let [a, b, c, counter] = [0x9e3779b9, 0x243f6a88, seed | 0, 1];
  const next = () => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    return sum >>> 0;
  };
  for (let i = 0; i < 16; i++) next();
  return next;
}
