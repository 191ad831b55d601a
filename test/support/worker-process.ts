import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Implementation } from '../../activities/sdk/implementation.js';
import { createWorker } from '../../worker/create-worker.js';
import { installRuntime } from '../../worker/log.js';
import type { SpawnWorkerOptions } from './spawn-worker.js';

/** The process behind `spawnWorker`. Prints `serving` when it takes work; ends by SIGTERM, and when its parent is gone. */
const { project = process.cwd(), ...rest } = JSON.parse(process.argv[2] ?? '{}') as SpawnWorkerOptions;

function projectFile(part: 'workflows' | 'activities'): string {
  const names = [`${part}.ts`, `${part}.js`, `${part}/index.ts`, `${part}/index.js`];
  const found = names.map((name) => join(project, name)).find(existsSync);
  if (found === undefined) throw new Error(`${project} has none of: ${names.join(', ')}`);
  return found;
}

process.stdin.resume().once('close', () => process.exit(1));
installRuntime('ERROR');
// Only where it is needed, and not before the modules above are loaded: it makes each module slower to load.
if (projectFile('activities').endsWith('.ts')) (await import('tsx/esm/api')).register();
const { activities } = (await import(pathToFileURL(projectFile('activities')).href)) as {
  activities: readonly Implementation[];
};
const worker = await createWorker({ workflows: projectFile('workflows'), activities, ...rest });
process.once('SIGTERM', () => worker.shutdown());
const running = worker.run();
process.stdout.write('serving\n');
await running;
process.exit(0);
