import { PassThrough } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { RunLine } from '../../../../activities/sdk/journal/read-run.js';
import type { AtWork } from '../../../../client/cli/at-work.js';
import { followRun } from '../../../../client/cli/live.js';
import { hasColor } from '../../../../client/cli/paint.js';
import { Screen } from '../../../../client/cli/screen.js';
import { StepReports } from '../../../../client/cli/step-reports.js';
import { renderTree } from '../../../../client/cli/tree.js';
import { projectRun } from '../../../../client/history/project-run.js';
import type { RunView, StepView } from '../../../../client/history/run-view.js';
import { loadHistory } from '../../../support/histories.js';

const now = 1_800_000_060_000;

/** The steps of a run as they were while a worker had them, for 60 s. */
async function atWork(): Promise<RunView> {
  const history = await loadHistory('test/replay/histories/0.1.0/shipped.bikes.json');
  const { closedAt: _, ...view } = projectRun({ history });
  const steps = view.steps.slice(0, 3).map((step, n) => ({
    ...step,
    ...{ id: `step-${n}`, groups: [], status: 'running', attempt: 1, startedAt: now - 60_000 },
  })) as unknown as StepView[];
  return { ...view, workflowId: 'bikes/1', status: { kind: 'running' }, startedAt: now - 60_000, steps, gates: [] };
}

const line = (kind: 'progress' | 'metric', secondsAgo: number, value: number, attempt = 1) =>
  ({ t: now - 1_000 * secondsAgo, kind, stepId: 's', attempt, fraction: value, name: 'loss', value }) as RunLine;

function reportsOf(...lines: readonly RunLine[]): StepReports {
  const reports = new StepReports();
  for (const one of lines) reports.add(one);
  return reports;
}

const known: AtWork = {
  usual: { run: 100_000, steps: new Map([['step-1', 45_000]]) },
  reports: new Map([
    [
      'step-0',
      reportsOf(line('progress', 40, 0.2), line('metric', 39, 1), line('metric', 20, 0.5), line('progress', 0, 0.6)),
    ],
  ]),
};

describe('a run that is followed on a terminal', () => {
  it('has bars, the time that is left and curves, as far as there is room', async () => {
    const lines = (width: number) => renderTree(view, { color: false, width, now, atWork: known }).slice(0, 4);
    const view = await atWork();
    expect(lines(160)).toEqual([
      'bikes bikes/1  running 60.0 s, ~40 s left',
      '  ▸ step-0 ████████████░░░░░░░░  60 % ~40 s left 60.0 s loss █▁ 0.5',
      '  ▸ step-1 longer than usual by 15 s 60.0 s',
      '  ▸ step-2 time left unknown 60.0 s',
    ]);
    expect(lines(80)[1]).toBe('  ▸ step-0 ███████▎░░░░  60 % ~40 s left 60.0 s loss █▁ 0.5');
    expect(lines(40)[1]).toBe('  ▸ step-0 ███▋░░  60 % ~40 s left');
    for (const width of [10, 25, 40]) expect(lines(width).every((one) => one.length <= width)).toBe(true);
  });

  it('is told without colours where NO_COLOR is set, and nothing that a run says moves the cursor', async () => {
    const view = await atWork();
    const [step] = view.steps;
    const failure = { code: 'X', message: 'a\nb\u001b[2J\u001b]0;title\u0007\u001b[31mred' };
    const bad = { ...view, steps: [{ ...step, status: 'failed', failure, endedAt: now } as StepView] };
    const lines = renderTree(bad, { color: false, width: 200, now });
    // biome-ignore lint: control characters are what must not be there
    expect(lines.join('')).not.toMatch(/[\n\u0007]|\u001b(?!\[\d+m)/);
    vi.stubEnv('NO_COLOR', '1');
    vi.stubEnv('TERM', 'xterm');
    expect(hasColor({ isTTY: true })).toBe(false);
    vi.stubEnv('NO_COLOR', '');
    expect(hasColor({ isTTY: true })).toBe(true);
    expect(hasColor({})).toBe(false);
  });
  afterEach(() => vi.unstubAllEnvs());

  it('is replaced frame by frame, and stands whole at its end', async () => {
    const view = await atWork();
    const many = Array.from({ length: 40 }, (_, n) => ({
      ...view.steps[0],
      id: `s${n}`,
      status: n < 30 ? 'completed' : 'running',
      endedAt: now,
    }));
    const open = { ...view, steps: many as unknown as StepView[] };
    const closed: RunView = { ...open, closedAt: now, status: { kind: 'completed' } };
    const stream = Object.assign(new PassThrough(), { isTTY: true, columns: 60, rows: 12 });
    vi.stubEnv('TERM', 'xterm');
    const written = () => String(stream.read() ?? '');
    let [end, frames] = [() => {}, ''];
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    const run = {
      async *events() {
        yield { type: 'step-started', at: now, view: open, step: open.steps[0] } as never;
        await ended;
        yield { type: 'closed', at: now, view: closed } as never;
      },
    };
    const following = followRun(run, { stream });
    await expect.poll(() => (frames += written())).toContain('… ');
    const shown = stripVTControlCharacters(frames).split('\n');
    expect(shown.slice(0, 3)).toEqual([
      expect.stringContaining('running'),
      '  ✔ 30 steps have ended',
      expect.stringContaining('▸ s30'),
    ]);
    end();
    await following;
    const last = stripVTControlCharacters(written());
    for (const { id } of many) expect(last).toContain(` ${id} `);
  });

  it('goes back as many rows as a terminal that was made narrower has wrapped the frame to', () => {
    const stream = Object.assign(new PassThrough(), { columns: 80, rows: 24 });
    const screen = new Screen(stream);
    screen.draw(['x'.repeat(70), 'y']);
    stream.columns = 30;
    screen.draw(['z']);
    expect(String(stream.read())).toContain('\u001b[4F\u001b[J');
    screen.draw(['z']);
    expect(stream.read()).toBeNull();
  });
});

describe('the time that is left of a step', () => {
  it('goes by the speed of this attempt, and is unknown without one', () => {
    const left = (attempt: number, ...lines: readonly RunLine[]) =>
      reportsOf(...lines).leftMs(attempt, now - 60_000, now);
    expect(left(1)).toBeUndefined();
    expect(left(1, line('progress', 30, 0.5))).toBe(0);
    expect(left(1, line('progress', 10, 0.5))).toBe(40_000);
    expect(left(1, line('progress', 10, 0))).toBeUndefined();
    expect(left(2, line('progress', 10, 0.5, 1))).toBeUndefined();
    // A second attempt goes on from a checkpoint at a half: its own speed counts.
    expect(left(2, line('progress', 10, 0.5, 2))).toBeUndefined();
    expect(left(2, line('progress', 10, 0.5, 2), line('progress', 0, 0.6, 2))).toBeCloseTo(40_000);
  });

  it('a curve of a million values stays small', () => {
    const reports = new StepReports();
    for (let n = 0; n < 1_000_000; n++) reports.add(line('metric', 0, n));
    expect(reports.values.length).toBeLessThanOrEqual(1_024);
    expect(reports.values.at(-1)).toBe(999_999);
  });
});
