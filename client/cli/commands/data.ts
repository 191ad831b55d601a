import type { Command } from 'commander';
import type { ArtifactStore, Journal } from '../../../activities/sdk/ports.js';
import { EvertrainError } from '../../../workflows/sdk/errors.js';
import type { KnownBatch } from '../../../workflows/sdk/model/batch.js';
import type { Evertrain } from '../../evertrain.js';
import { type ConnectedOptions, connected, withConnection } from '../connected.js';
import { runThatMade, versionOf, versionsOf } from '../model-versions.js';

interface DataOptions extends ConnectedOptions {
  readonly json?: boolean;
}

export function configure(command: Command): void {
  withConnection(command.command('ls'))
    .description('what each version was trained on, and what waits')
    .argument('<model>', 'name of the model')
    .option('--json', 'one JSON object')
    .action(ls);
  withConnection(command.command('diff'))
    .description('batches that only one of two versions was trained on')
    .argument('<model>', 'name of the model')
    .argument('<before>', 'a version')
    .argument('<after>', 'another one')
    .option('--json', 'one JSON object')
    .action(diff);
}

async function ls(name: string, { json, ...options }: DataOptions): Promise<void> {
  await connected(options, async (evertrain, _journal, store) => {
    const state = await evertrain.model(name).state();
    const versions = await versionsOf(store, state);
    const { data } = state;
    if (json) {
      const of = versions.map(({ version, stage, registeredAt, run, data: window }) => {
        return { version, stage, registeredAt, trainedBy: run, ...(window === undefined ? {} : { data: window }) };
      });
      process.stdout.write(`${JSON.stringify({ versions: of, ...(data === undefined ? {} : { data }) })}\n`);
      return;
    }
    for (const { version, stage, registeredAt, run, data: window } of versions) {
      const of =
        window === undefined
          ? 'trained by hand'
          : `${window.batches} batches, ${window.newBatches} of them new, ${window.rows} rows`;
      process.stdout.write(`version ${version}  ${stage}  ${of}  ${registeredAt}  ${run.workflowId}\n`);
    }
    for (const { id, rows } of data?.waiting ?? []) process.stdout.write(`waiting  ${id}  ${rows} rows\n`);
    for (const { id, rows } of data?.inTraining ?? []) process.stdout.write(`in training  ${id}  ${rows} rows\n`);
    for (const { batch, problems } of data?.quarantined ?? []) {
      process.stdout.write(`held back  ${batch.id}  ${batch.rows} rows  ${problems.join('; ')}\n`);
    }
    if (data?.refusing !== undefined) {
      const { since, batches } = data.refusing;
      process.stdout.write(`refused  ${batches} batches since ${new Date(since).toISOString()}  too many wait\n`);
    }
    for (const { id, reason } of data?.rejected ?? []) process.stdout.write(`rejected  ${id}  ${reason}\n`);
  });
}

async function diff(name: string, before: string, after: string, { json, ...options }: DataOptions): Promise<void> {
  await connected(options, async (evertrain, journal, store) => {
    const windows = [before, after].map((version) => windowOf(evertrain, { journal, store }, name, version));
    const [old, now] = await Promise.all(windows);
    const removed = without(old ?? [], now ?? []);
    const added = without(now ?? [], old ?? []);
    if (json) {
      process.stdout.write(`${JSON.stringify({ removed, added })}\n`);
      return;
    }
    for (const batch of removed) process.stdout.write(`- ${lineOf(batch)}\n`);
    for (const batch of added) process.stdout.write(`+ ${lineOf(batch)}\n`);
    const both = (now?.length ?? 0) - added.length;
    process.stdout.write(
      `${both} batches in both, ${removed.length} only in ${before}, ${added.length} only in ${after}\n`,
    );
  });
}

async function windowOf(
  evertrain: Evertrain,
  { journal, store }: { readonly journal: Journal; readonly store: ArtifactStore },
  name: string,
  number: string,
): Promise<readonly KnownBatch[]> {
  const version = await versionOf(evertrain, store, name, number);
  const { window } = await runThatMade(evertrain, journal, version);
  if (window !== undefined) return window;
  throw new EvertrainError(
    'USER_OPTION_INVALID',
    `Version ${number} of "${name}" was trained by hand, on no batches.`,
    {
      value: number,
      remedy: `\`evertrain show ${version.run.workflowId}\` shows its input.`,
    },
  );
}

function without(batches: readonly KnownBatch[], others: readonly KnownBatch[]): readonly KnownBatch[] {
  const ids = new Set(others.map(({ id }) => id));
  return batches.filter(({ id }) => !ids.has(id));
}

function lineOf({ id, rows, uri, artifact }: KnownBatch): string {
  return `${id}  ${rows} rows  ${uri ?? artifact?.uri ?? ''}`;
}
