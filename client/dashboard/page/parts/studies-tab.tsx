import { useEffect, useState } from 'preact/hooks';
import type { RunView } from '../../../history/run-view.js';
import type { ShownStudy } from '../../shapes.js';
import { ask } from '../api.js';
import { ErrorText } from './error-text.js';
import { StudyPart } from './study-part.js';

const everyMs = 3_000;

/** All studies of a run, those in runs of their own among them. The run's own are as live as its view. */
export function StudiesTab({ view }: { view: RunView }) {
  const { workflowId: id, runId: run, closedAt } = view;
  const [whole, setWhole] = useState<readonly ShownStudy[]>();
  const [problem, setProblem] = useState<unknown>();
  useEffect(() => {
    const look = () => {
      if (!document.hidden) ask<readonly ShownStudy[]>('/api/run/studies', { id, run }).then(setWhole, setProblem);
    };
    look();
    if (closedAt !== undefined) return undefined;
    const timer = setInterval(look, everyMs);
    return () => clearInterval(timer);
  }, [id, run, closedAt === undefined]);
  if (problem !== undefined) return <ErrorText error={problem} />;
  if (whole === undefined) return <p aria-busy="true" class="waiting" />;
  return (
    <>
      {whole.length === 0 && <p class="empty">No study has begun.</p>}
      {whole.map((one) => {
        const live = view.studies.find(({ id: own }) => own === one.study.id);
        const isOpen = live?.status.kind === 'running' && live.earlierTrials === 0;
        return <StudyPart key={one.study.id} shown={isOpen ? { ...one, study: live } : one} />;
      })}
    </>
  );
}
