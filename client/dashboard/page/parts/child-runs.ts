import { useEffect, useRef, useState } from 'preact/hooks';
import type { RunView } from '../../../history/run-view.js';
import { ask } from '../api.js';
import type { ChildRuns } from '../run-graph.js';

const everyMs = 1_000;

/**
 * Views of these runs, again and again while they are open. They are asked for, not listened to: a browser has six
 * connections, and there may be more children than that.
 */
export function useChildRuns(ids: readonly string[]): ChildRuns {
  const [runs, setRuns] = useState<ChildRuns>(new Map());
  const latest = useRef(runs);
  latest.current = runs;
  useEffect(() => {
    const look = () => {
      if (document.hidden) return;
      for (const id of ids) {
        if (latest.current.get(id)?.closedAt !== undefined) continue;
        ask<RunView>('/api/run/outline', { id }).then(
          (view) => setRuns((before) => new Map(before).set(id, view)),
          // A run that is starting, or an engine that is away, may be there the next time.
          () => undefined,
        );
      }
    };
    look();
    const timer = setInterval(look, everyMs);
    return () => clearInterval(timer);
  }, [ids.join()]);
  return runs;
}
