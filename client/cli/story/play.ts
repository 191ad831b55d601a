import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EvertrainError } from '../../../workflows/sdk/errors.js';
import type { ModelState, ModelVersion } from '../../../workflows/sdk/model/model-state.js';
import type { LocalSystem } from '../local-system.js';
import { modelOf } from '../model-training.js';
import { Narrator } from './narrator.js';
import { type Hours, hoursOf, Traffic } from './traffic.js';

/** The model whose life is shown, and the data that it lives on, both of Evertrain's own repository. */
const name = 'bikes-live';
const folder = 'data/bikes';
const spring = `${folder}/2011-01-to-04.parquet`;
const summer = `${folder}/2011-07-to-08.parquet`;
const arriving = [
  { id: '2011-05-to-06', uri: `${folder}/2011-05-to-06.parquet`, rows: 1464 },
  { id: '2011-07-to-08', uri: summer, rows: 1475 },
];

interface StoryOptions {
  readonly system: LocalSystem;
  readonly root: string;
  readonly say: (line: string) => void;
}

/** A model serves, what it is asked drifts, it retrains, rolls out, and takes back what is worse: all on real data. */
export async function playStory({ system, root, say }: StoryOptions): Promise<void> {
  if (!existsSync(join(root, spring))) {
    throw new EvertrainError('USER_OPTION_INVALID', '--story plays on the data of the Evertrain repository.', {
      value: root,
      remedy: 'Run `npm start -- --story` in a clone of it.',
    });
  }
  const { address } = system.server;
  const model = system.evertrain.model(await modelOf(root, name));
  const narrator = new Narrator(model, say);
  const open = await model.state().catch(() => undefined);
  if (open?.champion !== undefined) {
    throw new EvertrainError('USER_RUN_EXISTS', `Model "${name}" has lived through its story in this data folder.`, {
      value: open.champion,
      remedy: 'Tell it in a new one: `npm start -- --story --data-dir .evertrain-story`.',
    });
  }

  say('\n1. Spring. A version is trained on the hours of January to April 2011, and serves.');
  await model.train({} as never, { trigger: 'spring' });
  const first = await narrator.until(({ champion }) => champion === '1');
  const inputs = inputsOf(first.versions[0] as ModelVersion);
  const [springHours, summerHours] = await Promise.all(
    [spring, summer].map((path) => hoursOf(join(root, path), 'bikers')),
  );
  const traffic = new Traffic(address, name, inputs, springHours as Hours);
  try {
    const checksOf = ({ drift }: ModelState) => drift?.records.filter(({ rows }) => rows >= 200).length ?? 0;
    await narrator.until((state) => checksOf(state) >= 2);
    say(await liveError(address, 'In spring'));

    say('\n2. Summer. People ask about July and August; the data of May to August has arrived, and waits.');
    for (const batch of arriving) await model.dataArrived(batch);
    traffic.change(summerHours as Hours);
    const summerBegan = Date.now();
    await narrator.until((state) => state.drift?.records.at(-1)?.isDrifted === true);
    await sleep(2_000);
    say(await liveError(address, 'In summer', summerBegan));
    const isDecided = ({ version, stage }: ModelVersion) =>
      version === '2' && !['candidate', 'challenger'].includes(stage);
    requireChampion(await narrator.until(({ versions }) => versions.some(isDecided)));
    const better = Date.now();
    await sleep(4_000);
    say(await liveError(address, 'In summer', better));

    say('\n3. A mistake. Somebody trains a version on the first months alone, and promotes it all the same.');
    const row = (summerHours as Hours).rows[0] ?? {};
    const before = await predict(address, inputs, row);
    await model.train({ sources: [spring], testShare: 0.3 } as never, { trigger: 'mistake' });
    await narrator.until(({ versions }) =>
      versions.some(({ version, stage }) => version === '3' && stage !== 'challenger'),
    );
    const known = await model.state();
    if (known.champion !== '3') await model.promote('3', { actor: 'somebody', reason: 'it looked fine in April' });
    await narrator.until((state) => state.rollout === undefined && state.restoring === undefined);
    const isSame = before === (await predict(address, inputs, row));
    say(`  The champion answers as before, ${isSame ? 'to the byte' : 'but for something else'}.`);
    const afterwards = Date.now();
    await sleep(4_000);
    say(await liveError(address, 'In summer', afterwards));
  } finally {
    await traffic.stop();
  }
  say(
    `\n${traffic.answered} requests were answered, ${traffic.failed} failed. No person did anything but the mistake.`,
  );
}

/** A machine that is far too slow takes a good version back, too. */
function requireChampion({ champion, versions }: ModelState): void {
  if (champion === '2') return;
  const { stage, reason } = versions.find(({ version }) => version === '2') ?? {};
  throw new EvertrainError('SYSTEM_DEPLOY_FAILED', `The story ends early: version 2 is ${stage}, ${reason}.`, {
    remedy: 'Tell it again in a new data folder.',
  });
}

function inputsOf({ golden }: ModelVersion): { name: string; datatype: string }[] {
  const { inputs = [] } = (golden?.request ?? {}) as { inputs?: readonly { name: string; datatype: string }[] };
  return inputs.map(({ name: input, datatype }) => ({ name: input, datatype }));
}

/** The answer to a request about one hour, without its id, which is new each time. */
async function predict(
  address: string,
  inputs: readonly { name: string; datatype: string }[],
  row: Hours['rows'][number],
): Promise<string> {
  const body = Traffic.request(inputs, row);
  const response = await fetch(`${address}/v2/models/${name}/versions/2/infer`, { method: 'POST', body });
  const { id: _, ...answer } = (await response.json()) as { id: string };
  return JSON.stringify(answer);
}

async function liveError(address: string, what: string, since = 0): Promise<string> {
  const query = `since=${encodeURIComponent(new Date(since).toISOString())}`;
  const response = await fetch(`${address}/evertrain/models/${name}/feedback?${query}`);
  const { versions } = (await response.json()) as {
    versions: Record<string, { labels: number; mae?: { value: number; low: number; high: number } }>;
  };
  const lines = Object.entries(versions).flatMap(([version, { labels, mae }]) =>
    mae === undefined
      ? []
      : `version ${version} is off by ${mae.value.toFixed(0)} bikes an hour (${mae.low.toFixed(0)} to ${mae.high.toFixed(0)}; ${labels} labels)`,
  );
  return `  ${what}: ${lines.join(', ')}.`;
}
