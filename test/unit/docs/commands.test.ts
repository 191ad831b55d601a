import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const inDocs = readdirSync('docs').filter((name) => name.endsWith('.md'));
const docs = ['README.md', ...inDocs.map((name) => `docs/${name}`), 'examples/quickstart/README.md'];

/**
 * Where each command of the documents is run: a file, and what it has of the command. `npm test` runs all tests, and
 * .ci/run runs `npm test`. A command that stands for itself among words (`evertrain dev`) needs an entry like any other.
 */
const runBy: Readonly<Record<string, readonly [file: string, text: string]>> = {
  'npm start': ['test/e2e/start.test.ts', "start(['start', '--data-dir'"],
  'npm start -- --once': ['test/e2e/start.test.ts', "start(['start', '--once'"],
  'npm start -- iris': ['test/e2e/start.test.ts', "start(['start', 'iris', '--once'"],
  'npm start -- diamonds': ['test/e2e/shipped-pipelines.test.ts', "'start', name, '--once'"],
  'npm start -- penguins': ['test/e2e/shipped-pipelines.test.ts', "'start', name, '--once'"],
  'npm test': ['.ci/run', 'npm test'],
  'npm run screenshots': ['test/browser/dashboard.test.ts', "live.begin('dashboard', '--port', '0'"],
  'npm install': ['test/e2e/init.test.ts', "npm(project, 'install'"],
  'npm install && npm start': ['test/e2e/init.test.ts', "npm(project, 'start'"],
  'npm install evertrain': ['test/support/packed-library.ts', "npm(project, 'install', await packedLibrary())"],
  'npm run check': ['test/e2e/init.test.ts', "npm(project, 'run', 'check')"],
  'npm run dev': ['test/e2e/init.test.ts', "evertrain(project, ['dev']"],
  'npm run order': ['test/e2e/init.test.ts', "npm(project, 'run', 'order')"],
  'docker-compose config': ['test/unit/docs/compose.test.ts', "'docker-compose', ['config'"],
  'node client/cli/evertrain.mjs <command>': ['test/support/cli-process.ts', "resolve('client/cli/evertrain.mjs')"],
  'node --inspect-brk node_modules/.bin/evertrain step run …': ['test/e2e/step-run.test.ts', "'--port=0', resolve"],
  'evertrain <command>': ['test/e2e/package.test.ts', "'node_modules', 'evertrain', 'client', 'cli', 'evertrain.mjs'"],
  'evertrain init my-project': ['test/e2e/init.test.ts', "['init', 'my-project']"],
  'evertrain start [model] [--once]': ['test/e2e/shipped-pipelines.test.ts', "'start', name, '--once'"],
  'evertrain dev': ['test/e2e/dev.test.ts', "evertrainCli(['dev']"],
  'evertrain worker --address temporal:7233 --queues evertrain=100,gpu=1': [
    'test/e2e/bundle.test.ts',
    "'--queues', 'evertrain=100,gpu=1'",
  ],
  'evertrain serve --port 8100': ['test/support/live-project.ts', "['serve', '--data-dir', engine.dataDir, '--port'"],
  'evertrain api': ['test/e2e/commands-live.test.ts', "'api', '--port', '0'"],
  'evertrain api --port 8200': ['test/e2e/commands-live.test.ts', "'api', '--port', '0'"],
  'evertrain events': ['test/e2e/commands-live.test.ts', "'events', '--port', '0'"],
  'evertrain events --port 8200': ['test/e2e/commands-live.test.ts', "'events', '--port', '0'"],
  'evertrain run iris --input \'{"source":"data/iris.csv"}\'': ['test/e2e/cli.test.ts', "'run', 'iris', '--input'"],
  'evertrain step run data.ingest --input \'{"source":"data/iris.csv"}\'': [
    'test/e2e/step-run.test.ts',
    "step('data.ingest', { source: 'data/iris.csv' })",
  ],
  'evertrain ls': ['test/e2e/commands-live.test.ts', "'ls', '--limit'"],
  'evertrain ls --pipeline iris --outcome rejected': [
    'test/e2e/commands-live.test.ts',
    "'ls', '--outcome', 'cancelled', '--pipeline'",
  ],
  'evertrain schedules': ['test/e2e/commands-live.test.ts', "live.call('schedules')"],
  'evertrain schedules apply': ['test/e2e/commands-live.test.ts', "live.call('schedules', 'apply')"],
  'evertrain schedules show nightly': ['test/e2e/commands-live.test.ts', "['schedules', 'show', 'nightly']"],
  'evertrain assets': ['test/e2e/commands-live.test.ts', "live.call('assets')"],
  'evertrain assets show features/daily': ['test/e2e/commands-live.test.ts', "['assets', 'show', 'fitted/models']"],
  'evertrain assets rules': ['test/e2e/commands-live.test.ts', "['rules'], paused"],
  'evertrain assets pause train': ['test/e2e/commands-live.test.ts', "['pause', 'studied'"],
  'evertrain assets pause <rule>': ['test/e2e/commands-live.test.ts', "['pause', 'studied'"],
  'evertrain assets resume train': ['test/e2e/commands-live.test.ts', "['resume', 'studied']"],
  'evertrain show <id>': ['test/e2e/commands-live.test.ts', "['show', id]"],
  'evertrain assets graph': ['test/e2e/commands-live.test.ts', "['assets', 'graph']"],
  'evertrain backfill iris --from 2026-01-01 --to 2026-03-01': [
    'test/e2e/commands-live.test.ts',
    "['backfill', 'studied', ...range, '--at-most', '2']",
  ],
  'evertrain backfill nightly --from 2026-03-28 --to 2026-03-30 --dry-run': [
    'test/e2e/commands-live.test.ts',
    "['backfill', 'nightly', ...range, '--dry-run']",
  ],
  'evertrain backfill <id> show': ['test/e2e/commands-live.test.ts', "['backfill', id, 'show']"],
  'evertrain dashboard': ['test/browser/dashboard.test.ts', "live.begin('dashboard', '--port', '0'"],
  'evertrain top': ['test/e2e/commands-live.test.ts', "['top']"],
  'evertrain queues': ['test/e2e/commands-live.test.ts', "['queues', 'evertrain']"],
  'evertrain queues gpu --json': ['test/e2e/commands-live.test.ts', "['queues', 'evertrian', '--json']"],
  'evertrain run iris --set trials=20 --set source=data/iris.csv': [
    'test/e2e/commands-live.test.ts',
    "'--set', 'trials=20', '--set'",
  ],
  'evertrain variables ls': ['test/e2e/commands-live.test.ts', "variables('ls')"],
  'evertrain variables set min-accuracy 0.95': ['test/e2e/commands-live.test.ts', "variables('set', 'share', '0.25'"],
  'evertrain variables unset min-accuracy': [
    'test/e2e/commands-live.test.ts',
    "variables('unset', 'share', '--actor', 'dan')",
  ],
  'evertrain show <run>': ['test/e2e/cli.test.ts', "call('show', 'iris-by-hand')"],
  'evertrain study export <run> --csv': [
    'test/e2e/commands-live.test.ts',
    "'study', 'export', 'studied 1', '--study', 'search', '--csv'",
  ],
  "evertrain logs --grep 'out of memory' --since 1d": [
    'test/e2e/commands-live.test.ts',
    "['logs', '--grep', 'before', '--since', '1h', '--json']",
  ],
  "evertrain logs <run> --step 'networks[3]/iris.train' -f": [
    'test/e2e/commands-live.test.ts',
    "'logs', 'stopped', '-f', '--step', 'work'",
  ],
  "evertrain approve <run> 'ship it?' --yes --actor ann": [
    'test/e2e/commands-live.test.ts',
    "'approve', 'asked', 'ship it?', '--yes', '--actor', 'ann'",
  ],
  "evertrain approve <run> threshold --set threshold=0.4 --set 'note=by hand'": [
    'test/e2e/commands-live.test.ts',
    "'approve', 'by-field', 'threshold', '--set', 'threshold=0.4', '--set', 'note=7'",
  ],
  'evertrain cancel <run>': ['test/e2e/commands-live.test.ts', "call('cancel', 'stopped')"],
  'evertrain rerun': ['test/e2e/cli.test.ts', "call('rerun'"],
  'evertrain rerun <run> --from iris.evaluate': [
    'test/e2e/cli.test.ts',
    "'rerun', 'iris-by-hand', '--from', 'iris.evaluate'",
  ],
  'evertrain replay <run>': ['test/e2e/cli.test.ts', "call('replay', 'iris-by-hand')"],
  'evertrain model iris': ['test/e2e/readme.test.ts', "call('model', 'iris')"],
  'npm start -- --story': ['test/e2e/story.test.ts', "['start', '--story', '--data-dir', dataDir]"],
  'evertrain model iris train': ['test/e2e/commands-live.test.ts', "call('model', 'scorer', 'train'"],
  'evertrain model iris promote 3 --actor ann': ['test/e2e/commands-live.test.ts', "'promote', '2', '--actor', 'ann'"],
  'evertrain model iris rollback --reason complaints': [
    'test/e2e/commands-live.test.ts',
    "'model', 'scorer', 'rollback', '--actor', 'bob', '--reason', 'complaints'",
  ],
  'evertrain model fed data b-1 --uri s3://arrivals/b-1.parquet --rows 80': [
    'test/e2e/commands-live.test.ts',
    "'model', 'fed', 'data', 'b-1', '--uri', 'file:/b-1', '--rows', '80'",
  ],
  'evertrain model fed retrain': ['test/e2e/commands-live.test.ts', "'model', 'fed', 'retrain'"],
  'evertrain model fed approve --yes --reason fine': [
    'test/e2e/commands-live.test.ts',
    "'model', 'fed', 'approve', '--yes', '--reason', 'fine'",
  ],
  'evertrain model fed release b-5': ['test/e2e/commands-live.test.ts', "'model', 'fed', 'release', 'b-5'"],
  'evertrain model fed drop b-6 --reason sensor': [
    'test/e2e/commands-live.test.ts',
    "'model', 'fed', 'drop', 'b-6', '--reason'",
  ],
  'evertrain model fed configure --policy \'{"retrainWhen":{"rows":500}}\'': [
    'test/e2e/commands-live.test.ts',
    "'model', 'fed', 'configure', '--policy'",
  ],
  'evertrain data ls fed': ['test/e2e/commands-live.test.ts', "'data', 'ls', 'fed'"],
  'evertrain data diff fed 1 2': ['test/e2e/commands-live.test.ts', "'data', 'diff', 'fed', '1', '2'"],
  'node client/cli/evertrain.mjs model bikes data 2011-07-to-08 --uri data/bikes/2011-07-to-08.parquet --rows 1475': [
    'test/e2e/start.test.ts',
    "['--uri', 'data/bikes/2011-07-to-08.parquet', '--rows', '1475']",
  ],
  'evertrain reproduce iris 3': ['test/e2e/cli.test.ts', "['reproduce', 'penguins', '1', ...place()]"],
  'evertrain predict --batch data/iris.csv --model model.onnx --output scored.parquet': [
    'test/e2e/commands-data.test.ts',
    "'predict', '--batch', inFolder(batch), '--model', onnx, '--output'",
  ],
  'evertrain feedback iris --file labels.csv': [
    'test/unit/client/cli/feedback.test.ts',
    "'feedback', 'm', '--file', file, '--server'",
  ],
  'evertrain backup backups/today': ['test/e2e/commands-data.test.ts', "'backup', kept, '--data-dir', dataDir], 0"],
  'evertrain restore backups/today --data-dir .evertrain': [
    'test/e2e/commands-data.test.ts',
    "'restore', kept, '--data-dir', copy], 0",
  ],
  'evertrain gc': ['test/e2e/commands-data.test.ts', "live.call('gc'"],
  'evertrain gc --apply': ['test/durability/maintenance.test.ts', "gc('--apply')"],
  'evertrain doctor': ['test/e2e/cli.test.ts', "call('doctor'"],
};

/** Shell blocks line by line, and inline code that begins like a command; `npx evertrain` is `evertrain`. */
function commands(text: string): string[] {
  const blocks = [...text.matchAll(/```(?:sh|bash|shell|console)\n(.*?)```/gs)];
  const inline = [
    ...text.replaceAll(/```.*?```/gs, '').matchAll(/`((?:npm|npx|node|docker-compose|evertrain) [^`]+)`/g),
  ];
  const lines = blocks.flatMap(([, body = '']) => body.trim().split('\n'));
  return [...lines, ...inline.map(([, command = '']) => command)].map((line) =>
    line.replace(/^npx evertrain/, 'evertrain'),
  );
}

const found = new Set(docs.flatMap((path) => commands(readFileSync(path, 'utf8'))));

describe('the commands of the documents', () => {
  it('are each run by a test or by .ci/run', () => {
    expect(found.size).toBeGreaterThan(30);
    expect([...found].filter((command) => runBy[command] === undefined)).toEqual([]);
    for (const [command, [file, text]] of Object.entries(runBy)) {
      expect([command, readFileSync(file, 'utf8').includes(text)]).toEqual([command, true]);
    }
  });

  it('have no entry that nothing names any more', () => {
    expect(Object.keys(runBy).filter((command) => !found.has(command))).toEqual([]);
  });
});
