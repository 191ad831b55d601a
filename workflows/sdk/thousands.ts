/** A whole number as people read it: 43,120. A workflow must not format by locale. */
export function thousands(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',');
}
