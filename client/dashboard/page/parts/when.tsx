import { useEffect, useState } from 'preact/hooks';
import { ago, duration, serverNow, time } from '../format.js';

/** Renders again as often as what is shown changes: the longer ago it was, the less often. */
export function useTick(isOn: boolean, ageMs = 0): void {
  const [, tick] = useState(0);
  const everyMs = ageMs < 60_000 ? 1_000 : ageMs < 3_600_000 ? 10_000 : 60_000;
  useEffect(() => {
    if (!isOn) return undefined;
    const timer = setInterval(() => tick((n) => n + 1), everyMs);
    return () => clearInterval(timer);
  }, [isOn, everyMs]);
}

export function When({ at }: { at: number }) {
  useTick(true, serverNow() - at);
  return (
    <time dateTime={new Date(at).toISOString()} title={time(at)}>
      {ago(at)}
    </time>
  );
}

export function Took({ from, to }: { from: number; to?: number | undefined }) {
  useTick(to === undefined, serverNow() - from);
  return <span class="num">{duration((to ?? serverNow()) - from)}</span>;
}
