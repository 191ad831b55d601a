import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { renderTree } from '../../../../client/cli/tree.js';
import { projectRun } from '../../../../client/history/project-run.js';
import { happenings } from '../../../../client/run-events.js';

/** Two sensors for files, of which one is never there, and one for a time. */
const history = JSON.parse(await readFile('test/replay/histories/0.1.0/sensors.sensing.json', 'utf8')) as {
  readonly events: readonly { readonly eventType: string }[];
};
const begun = history.events.findLastIndex(({ eventType }) => eventType.endsWith('TASK_SCHEDULED'));
const firstTask = history.events.slice(0, 7);
const time = (seconds: number) => ({ seconds: seconds as never, nanos: 0 });

function openView(lastFailure: { type: string; message: string } | undefined, attempt: number) {
  const failure =
    lastFailure === undefined
      ? {}
      : { lastFailure: { message: lastFailure.message, applicationFailureInfo: { type: lastFailure.type } } };
  const activity = { activityId: 'sensor-1', attempt, state: 1, nextAttemptScheduleTime: time(2_000), ...failure };
  const pendingActivities = [{ activityId: 'sensor-0', attempt: 1, state: 2, lastStartedTime: time(1_990) }, activity];
  return projectRun({ history: { events: firstTask }, pending: { pendingActivities } });
}
const lines = (view: ReturnType<typeof openView>) => renderTree(view, { color: false, width: 200, now: 1_990_000 });

describe('the view of a run with sensors', () => {
  it('has them as waiting, with looks, what was seen and when the next is', () => {
    const view = openView({ type: 'evertrain.not-yet', message: 'nothing is there yet' }, 4);
    expect(view.steps).toMatchObject([
      { id: 'sensor-0', name: 'sensor-0', status: 'waiting', waitsUntil: 'package.json exists', looks: 0 },
      { status: 'waiting', looks: 3, lastLook: 'nothing is there yet', nextLookAt: 2_000_000 },
    ]);
    expect(view.steps[1]).not.toHaveProperty('lastFailure');
    expect(lines(view).slice(1)).toEqual([
      '  ◔ sensor-0 waiting until package.json exists (0 looks, looking)',
      '  ◔ sensor-1 waiting until no-such-file exists: nothing is there yet (3 looks, the next in 10.0 s)',
      '  ◔ sensor-2: until it is 2026-01-01T00:00:00.000Z',
    ]);
  });

  it('tells a look that failed from one that saw nothing, and neither as an event', () => {
    const before = openView(undefined, 1);
    const view = openView({ type: 'SYSTEM_STORE_UNAVAILABLE', message: 'the disk is away' }, 2);
    expect(view.steps[1]).toMatchObject({ lastFailure: { code: 'SYSTEM_STORE_UNAVAILABLE' } });
    expect(lines(view)[2]).toContain('until no-such-file exists: the disk is away (1 look,');
    expect(happenings(before, view)).toEqual([]);
  });

  it('has their ends, and which had none in time', () => {
    expect(begun).toBeGreaterThan(7);
    const view = projectRun({ history });
    expect(view.steps).toMatchObject([
      { id: 'sensor-0', status: 'completed', output: { met: true, facts: { uri: 'package.json' } } },
      { id: 'sensor-1', status: 'completed', output: { met: false } },
      { id: 'effect', status: 'completed' },
      { id: 'effect#2', status: 'completed' },
      { id: 'effect#3', status: 'completed' },
    ]);
    expect(lines(view)[2]).toMatch(/✔ sensor-1 completed, its time over, at look \d/);
  });
});
