import { describe, expect, it } from 'vitest';
import { type Overview, topLines } from '../../../../client/cli/top-view.js';
import type { RunSummary } from '../../../../client/list-runs.js';

const run = (workflowId: string, status: RunSummary['status'], more: Partial<RunSummary> = {}): RunSummary => ({
  workflowId,
  runId: workflowId,
  pipeline: 'iris',
  status,
  startedAt: 0,
  ...(status === 'running' ? {} : { closedAt: 4_000 }),
  waitingFor: [],
  ...more,
});
const overview: Overview = {
  at: 10_000,
  runs: [
    run('done', 'completed'),
    run('kept out', 'completed', { outcome: 'rejected' }),
    run('open', 'running', { waitingFor: ['approval:ship it?'] }),
  ],
  models: [{ name: 'silent' }],
  queues: [
    { queue: 'gpu', kind: 'steps', waiting: 3, oldestSeconds: 7, added: 0, taken: 0, workers: 0 },
    { queue: 'evertrain', kind: 'runs', waiting: 0, oldestSeconds: 0, added: 0, taken: 0, workers: 2 },
  ],
};
const whole = { color: false, width: 200, height: 100 };

describe('the view of everything', () => {
  it('has the open runs first, and what is wrong by its sign', () => {
    expect(topLines(overview, whole)).toEqual([
      'evertrain top  1970-01-01T00:00:10Z  1 of the newest 3 runs open',
      '',
      'QUEUE',
      '✖ gpu  steps  3 waiting for 7 s  0 workers',
      '  evertrain  runs  0 waiting  2 workers',
      '',
      'MODEL',
      '✖ silent  no worker answers',
      '',
      'RUN',
      '● open  iris  running  10 s  waits for approval:ship it?',
      '✔ done  iris  completed  4 s',
      '⊘ kept out  iris  rejected  4 s',
    ]);
  });

  it('fits the terminal: neither line nor screen is longer, with colours too', () => {
    for (const height of [1, 5, 11, 12]) {
      const lines = topLines(overview, { color: true, width: 24, height });
      expect(lines.length).toBeLessThanOrEqual(height);
      for (const line of lines) expect(line.replace(/\x1b\[\d+m/g, '').length).toBeLessThanOrEqual(24);
    }
  });
});
