import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { historyFromJSON } from '@temporalio/common/lib/proto-utils.js';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Bundle } from '../../worker/bundle.js';
import { cachedBundle } from '../../worker/bundle-cache.js';
import { installRuntime } from '../../worker/log.js';
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
    if (path !== undefined && existsSync(path)) built.set(name, await cachedBundle(path));
  }
});

/** A history whose first workflow task ended with its first local activity: what followed is of a second one. */
function splitAtLocalActivity(text: string): unknown {
  const { events } = JSON.parse(text) as {
    events: readonly { markerRecordedEventAttributes?: { markerName: string } }[];
  };
  const isLocal = ({ markerRecordedEventAttributes: marker }: (typeof events)[0]) =>
    marker?.markerName === 'core_local_activity';
  // Ids count from 1, and the first task is 2 to 4.
  const last = events.findIndex(isLocal) + 1;
  const moved = (list: typeof events, to: (id: number) => number) =>
    JSON.parse(JSON.stringify(list), (key, value: unknown) =>
      /eventId$/i.test(key) ? String(to(Number(value))) : value,
    ) as typeof events;
  const second = moved(events.slice(1, 4), (id) => id + last - 1);
  const rest = moved(events.slice(last), (id) => (id > last ? id + 3 : id === 4 ? last + 3 : id));
  return { events: [...events.slice(0, last), ...second, ...rest] };
}

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

  it('of a model replays also where its first task was split at the local activity', async () => {
    const file = files.find(({ name }) => name === 'shipped.bikes-model-2');
    const history = historyFromJSON(splitAtLocalActivity(await readFile(file?.path ?? '', 'utf8')));
    await replayHistory(found('shipped.bikes-model-2'), history);
  });

  it('of steps that published nothing replays where they publish now', async () => {
    const file = files.find(({ name }) => name === 'durability.chain');
    const publishing = fileURLToPath(new URL('../fixtures/published/workflows.ts', import.meta.url));
    await replayHistory(await cachedBundle(publishing), await loadHistory(file?.path ?? ''));
  });

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
