import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterEach } from 'vitest';
import type { ArtifactStore } from '../../../activities/sdk/ports.js';
import { fileArtifactStore } from '../../../activities/sdk/store/file-artifact-store.js';
import { type ModelServer, type ModelServerOptions, startModelServer } from '../../../serving/start-model-server.js';
import type { Challenger, Deployment } from '../../../workflows/sdk/model/deployment.js';
import type { LiveReport } from '../../../workflows/sdk/model/live-report.js';

/** Real models, made by test/fixtures/onnx/make_models.py. */
const fixtures = new URL('../../fixtures/onnx/', import.meta.url);

export type Fixture =
  | 'iris-v1'
  | 'iris-v2'
  | 'iris-zipmap'
  | 'diabetes'
  | 'penguins'
  | 'echo'
  | 'lookup'
  | 'centred'
  | 'logarithm'
  | 'guarded'
  | 'first-row'
  | 'text'
  | 'times-1'
  | 'times-2';

export function fixturePath(name: Fixture): string {
  return new URL(`${name}.onnx`, fixtures).pathname;
}

/** What scikit-learn itself answers. */
export const expected = JSON.parse(await readFile(new URL('expected.json', fixtures), 'utf8')) as {
  readonly 'iris-v1': Classified & { readonly rows: number[][] };
  readonly 'iris-v2': Classified & { readonly rows: number[][] };
  readonly diabetes: { readonly columns: string[]; readonly rows: number[][]; readonly variable: number[] };
  readonly penguins: {
    readonly diet: string[];
    readonly weight: number[];
    readonly label: string[];
    readonly probabilities: number[][];
  };
};

interface Classified {
  readonly label: number[];
  readonly probabilities: number[][];
}

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'evertrain-serving-'));
  cleanups.push(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export interface Harness {
  readonly dataDir: string;
  readonly store: ArtifactStore;
  readonly server: ModelServer;
  readonly log: string[];
}

/** A server on a free port; closed, and its folder removed, after the test. */
export async function serve(options: Partial<ModelServerOptions> = {}): Promise<Harness> {
  const dataDir = options.dataDir ?? (await temporaryFolder());
  const store = options.store ?? fileArtifactStore(join(dataDir, 'artifacts'));
  const log: string[] = [];
  const server = await startModelServer({ log: (line) => log.push(line), ...options, dataDir, store });
  cleanups.push(() => server.close());
  await (options.store ? undefined : server.ready);
  return { dataDir, store, server, log };
}

/** A deployment of a fixture, its bytes put into the store. */
export async function deploymentOf(
  store: ArtifactStore,
  fixture: Fixture,
  changes: Partial<Deployment> = {},
): Promise<Deployment> {
  const artifact = await store.put({ path: fixturePath(fixture) }, 'application/onnx');
  return { model: 'm', version: '1', revision: 1, artifact, producedBy: { workflowId: 'w', runId: 'r' }, ...changes };
}

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

export async function call(server: ModelServer, method: string, path: string, body?: unknown): Promise<Answer> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const response = await fetch(`${server.address}${path}`, { method, ...(body === undefined ? {} : { body: text }) });
  return { status: response.status, body: (await response.json()) as unknown };
}

/** Deploys and expects success. */
export async function deploy(
  harness: Harness,
  fixture: Fixture,
  changes: Partial<Deployment> = {},
): Promise<Deployment> {
  const deployment = await deploymentOf(harness.store, fixture, changes);
  const { status, body } = await call(
    harness.server,
    'PUT',
    `/evertrain/models/${encodeURIComponent(deployment.model)}`,
    deployment,
  );
  if (status !== 200) throw new Error(JSON.stringify(body));
  return deployment;
}

export function infer(server: ModelServer, request: unknown, model = 'm'): Promise<Answer> {
  return call(server, 'POST', `/v2/models/${model}/infer`, request);
}

export function floats(name: string, rows: readonly (readonly number[])[]): object {
  return { name, shape: [rows.length, rows[0]?.length ?? 0], datatype: 'FP32', data: rows.flat() };
}

export function put(harness: Harness, document: object): Promise<Answer> {
  const { model } = document as Deployment;
  return call(harness.server, 'PUT', `/evertrain/models/${encodeURIComponent(model)}`, document);
}

/** What a challenger is in a deployment, its bytes put into the store. */
export async function challengerOf(
  store: ArtifactStore,
  fixture: Fixture,
  changes: Partial<Challenger> = {},
): Promise<Challenger> {
  const { artifact, producedBy } = await deploymentOf(store, fixture);
  return { version: '2', artifact, producedBy, percent: 50, ...changes };
}

/** Asks a model of one column `x` for the value of `y`. */
export async function askFor(
  server: ModelServer,
  x: number | readonly number[],
  how: { readonly key?: string; readonly version?: string; readonly model?: string } = {},
): Promise<{ status: number; version?: string; y?: readonly number[]; id?: string; error?: string }> {
  const rows = [x].flat().map((value) => [value]);
  const path = how.version === undefined ? '' : `/versions/${how.version}`;
  const response = await fetch(`${server.address}/v2/models/${how.model ?? 'm'}${path}/infer`, {
    method: 'POST',
    headers: how.key === undefined ? {} : { 'x-evertrain-key': how.key },
    body: JSON.stringify({ inputs: [floats('x', rows)] }),
  });
  const body = (await response.json()) as Record<string, never>;
  const { model_version: version, id, error, outputs } = body;
  return {
    status: response.status,
    version,
    id,
    error,
    y: (outputs as { data: number[] }[] | undefined)?.[0]?.data,
  } as never;
}

export async function live(server: ModelServer, model = 'm'): Promise<LiveReport> {
  return (await call(server, 'GET', `/evertrain/models/${model}/live`)).body as LiveReport;
}

/** Waits for what the server does after its answers. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setImmediate(resolve));
}

/** Rows as a query gives them, 64-bit integers as text. */
export async function query(sql: string): Promise<Record<string, unknown>[]> {
  const database = await DuckDBInstance.create(':memory:');
  const connection = await database.connect();
  try {
    return await (await connection.run(sql)).getRowObjectsJson();
  } finally {
    connection.closeSync();
    database.closeSync();
  }
}
