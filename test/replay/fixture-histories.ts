import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where recorded histories lie: one folder a release. None is ever recorded again; a failing one needs a patch. */
export const historiesFolder = fileURLToPath(new URL('histories', import.meta.url));

/** The workflows that a recorded history replays on, told by the first part of its file's name. */
export const bundles: Readonly<Record<string, string>> = {
  assets: fileURLToPath(new URL('../fixtures/assets/workflows.ts', import.meta.url)),
  durability: fileURLToPath(new URL('../fixtures/durability/workflows.ts', import.meta.url)),
  kinds: fileURLToPath(new URL('../fixtures/kinds/workflows.ts', import.meta.url)),
  sensors: fileURLToPath(new URL('../fixtures/sensors/workflows.ts', import.meta.url)),
  shipped: fileURLToPath(new URL('../../workflows/index.ts', import.meta.url)),
};

export interface HistoryFile {
  readonly release: string;
  /** `<bundle>.<what>` without `.json`. */
  readonly name: string;
  readonly path: string;
}

export async function historyFiles(): Promise<HistoryFile[]> {
  const releases = await readdir(historiesFolder);
  const lists = releases.sort().map(async (release) => {
    const files = (await readdir(join(historiesFolder, release))).filter((file) => file.endsWith('.json')).sort();
    return files.map((file) => ({
      release,
      name: file.slice(0, -'.json'.length),
      path: join(historiesFolder, release, file),
    }));
  });
  return (await Promise.all(lists)).flat();
}

export async function currentRelease(): Promise<string> {
  const path = fileURLToPath(new URL('../../package.json', import.meta.url));
  return (JSON.parse(await readFile(path, 'utf8')) as { version: string }).version;
}
