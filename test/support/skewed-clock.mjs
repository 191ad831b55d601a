/**
 * Preloaded (`NODE_OPTIONS=--import …`): this process's clock is off by CLOCK_OFF_MS, and is set by CLOCK_JUMP_MS three
 * times a second. Timers go on, as they do when a machine's clock is set.
 */
const off = Number(process.env['CLOCK_OFF_MS'] ?? 0);
const jump = Number(process.env['CLOCK_JUMP_MS'] ?? 0);
const Real = Date;
const began = performance.now();
const now = () => Real.now() + off + jump * Math.floor((performance.now() - began) / 333);

globalThis.Date = new Proxy(Real, {
  construct: (target, given, as) => Reflect.construct(target, given.length === 0 ? [now()] : given, as),
  get: (target, name) => (name === 'now' ? now : Reflect.get(target, name)),
});
