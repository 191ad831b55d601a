import { setTimeout as sleep } from 'node:timers/promises';
import {
  assetMessages,
  assetWorkflowId,
  type AssetState,
  ruleMessages,
  ruleWorkflowId,
  type RuleState,
} from '../../workflows/sdk/assets/messages.js';
import { publish, rules } from '../fixtures/assets/contracts.js';
import { durableProject } from '../support/durable-project.js';
import { seeded } from '../support/random.js';
import { writeReport } from './report.js';

const full = { runs: 20, keysOfARun: 25, kills: 6, mostEvents: 5_000 } as const;

/** What test/durability/assets.test.ts does with 12 keys and one kill, with 500 and six. */
export async function soakAssets(seed: number): Promise<boolean> {
  const startedAt = new Date();
  const failures: string[] = [];
  const random = seeded(seed);
  const fixture = await durableProject('assets');
  const { engine, effects, evertrain } = fixture;
  try {
    let worker = await fixture.worker();
    await evertrain.assets.apply({ rules: [rules.keyed] });
    const rule = evertrain.client.workflow.getHandle(ruleWorkflowId('keyed', undefined));
    const asset = evertrain.client.workflow.getHandle(assetWorkflowId('keyed', undefined));
    while ((await evertrain.assets.list()).every(({ readers }) => readers.length === 0)) await sleep(200);
    const keys = Array.from({ length: full.runs * full.keysOfARun }, (_, n) => `${n}`);
    const runs = await Promise.all(
      Array.from({ length: full.runs }, (_, n) => {
        const own = keys.slice(n * full.keysOfARun, (n + 1) * full.keysOfARun);
        const all = own.map((key) => ({ asset: 'keyed', value: key, partition: key }));
        return evertrain.start(publish, { effects: effects.url, all }, { provenance: false });
      }),
    );
    for (let kill = 0; kill < full.kills; kill++) {
      await sleep(2_000 + 8_000 * random());
      await worker.kill();
      if (kill % 3 === 2) {
        await engine.kill();
        await engine.restart();
      }
      worker = await fixture.worker();
    }
    await Promise.all(runs.map((run) => run.result()));
    const isOver = ({ starts, lanes }: RuleState) =>
      starts >= keys.length && Object.values(lanes).every(({ open }) => open === undefined);
    while (!isOver(await rule.query<RuleState>(ruleMessages.state))) await sleep(1_000);
    const { starts } = await rule.query<RuleState>(ruleMessages.state);
    const { published } = await asset.query<AssetState>(assetMessages.state);
    if (published !== keys.length) failures.push(`the asset counts ${published} publications`);
    if (starts !== keys.length) failures.push(`the rule started ${starts} runs`);
    const learned = await evertrain.list({ pipeline: 'learn', limit: 2 * keys.length });
    if (learned.length !== keys.length) failures.push(`there are ${learned.length} runs`);
    const missing = keys.filter((key) => effects.count(`keyed/${key}/${key}`) === 0);
    if (missing.length > 0) failures.push(`nothing was learned of ${missing.join(', ')}`);
    const lengths = await Promise.all([rule, asset].map(async (one) => (await one.describe()).historyLength));
    const longest = Math.max(...lengths);
    if (longest > full.mostEvents) failures.push(`a history has ${longest} events`);
    writeReport({
      file: `assets-seed-${seed}`,
      title: `Soak of assets, seed ${seed}`,
      options: `--scenario assets --seed ${seed}`,
      startedAt,
      text: `${full.runs} runs publish ${keys.length} partitions of an asset at once, and a rule starts a run on each. Meanwhile the worker is killed ${full.kills} times, and at each third time the engine, too. Held are: each publication is counted once, each partition has one run, which does its work; the histories of asset and rule stay below ${full.mostEvents} events.`,
      counts: [
        ['publications', published],
        ['runs that the rule started', starts],
        ['events in the longer history', longest],
      ],
      failures,
    });
    return failures.length === 0;
  } finally {
    await fixture.close();
  }
}
