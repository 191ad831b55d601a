import type { RunStatus } from '../../../history/run-view.js';
import type { RunSummary } from '../../../list-runs.js';

const signs: Readonly<Record<string, string>> = {
  completed: '✔',
  cached: '≡',
  reused: '↺',
  rejected: '⊘',
  failed: '✖',
  cancelled: '–',
  terminated: '■',
  'timed-out': '⌛',
  running: '●',
  starting: '○',
  queued: '○',
  waiting: '◔',
  unknown: '?',
  continued: '→',
  fired: '✔',
};

/** A status by colour, sign and word: colour alone would not reach everybody. */
export function Status({ of, short = false }: { of: string; short?: boolean }) {
  return (
    <span class={`status s-${of}`} title={of}>
      <span aria-hidden="true">{signs[of] ?? '·'}</span>
      <span class={short ? 'unseen' : undefined}>{of}</span>
    </span>
  );
}

/** A rejected run has completed; people call it rejected. */
export function statusOf({ status, outcome }: Pick<RunSummary, 'status' | 'outcome'>): string {
  return status === 'completed' && outcome === 'rejected' ? 'rejected' : status;
}

export function statusWords(status: RunStatus): string {
  switch (status.kind) {
    case 'running':
      return status.cancelRequested ? 'being cancelled' : '';
    case 'rejected':
      return `gate “${status.gate}”`;
    case 'failed':
      return `${status.message}`;
    case 'terminated':
      return status.reason ?? '';
    default:
      return '';
  }
}
