import { existsSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Bundle } from '../../worker/bundle.js';
import { installRuntime } from '../../worker/log.js';
import { bundleOnce } from '../support/bundle-once.js';
import { loadHistory, replayHistory } from '../support/histories.js';
import { bundles, historyFiles } from './fixture-histories.js';

const files = await historyFiles();
const built = new Map<string, Bundle>();
const bundleOf = (name: string) => name.slice(0, name.indexOf('.'));
const found = (name: string): Bundle => {
  const bundle = built.get(bundleOf(name));
  if (bundle === undefined) throw new Error(`no bundle "${bundleOf(name)}" for the history ${name}`);
  return bundle;
};

beforeAll(async () => {
  installRuntime('ERROR');
  for (const name of new Set(files.map((file) => bundleOf(file.name)))) {
    const path = bundles[name];
    if (path !== undefined && existsSync(path)) built.set(name, await bundleOnce(path));
  }
});

describe('a recorded history', () => {
  it('is there', () => {
    expect(files.length).toBeGreaterThan(0);
  });

  it.each(files.map((file) => [file.release, file.name, file.path]))(
    '%s/%s replays on the code of today',
    async (_, name, path) => {
      await replayHistory(found(name), await loadHistory(path));
    },
  );

  it('that was tampered with does not replay', async () => {
    const file = files.find(({ name }) => name === 'durability.chain');
    const history = await loadHistory(file?.path ?? '');
    for (const { activityTaskScheduledEventAttributes: scheduled } of history.events ?? []) {
      if (scheduled?.activityType?.name === 'effect') scheduled.activityType = { name: 'another.step' };
    }
    const replay = replayHistory(found('durability.chain'), history);
    const message =
      /Step "effect", line \d+ of test\/fixtures\/durability\/contracts\.ts, changed: this run called step "another\.step"/;
    await expect(replay).rejects.toThrow(message);
    await expect(replay).rejects.toMatchObject({ code: 'USER_REPLAY_INCOMPATIBLE' });
  });
});
