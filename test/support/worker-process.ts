import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Implementation } from '../../activities/sdk/implementation.js';
import { configurePython } from '../../activities/sdk/jobs/python-environment.js';
import { createWorker } from '../../worker/create-worker.js';
import { installRuntime } from '../../worker/log.js';
import { ensurePython } from '../../worker/setup/python.mjs';
import type { SpawnWorkerOptions } from './spawn-worker.js';

/** The process behind `spawnWorker`. Prints `serving` when it takes work; ends when it is told to by SIGTERM. */
const { project, ...rest } = JSON.parse(process.argv[2] ?? '{}') as SpawnWorkerOptions;

function projectFile(part: 'workflows' | 'activities'): string {
  const names = [`${part}.ts`, `${part}.js`, `${part}/index.ts`, `${part}/index.js`];
  const found = names.map((name) => join(project, name)).find(existsSync);
  if (found === undefined) throw new Error(`${project} has none of: ${names.join(', ')}`);
  return found;
}

installRuntime('ERROR');
configurePython((requirements) => ensurePython(requirements === undefined ? {} : { requirements }));
const { activities } = (await import(pathToFileURL(projectFile('activities')).href)) as {
  activities: readonly Implementation[];
};
const worker = await createWorker({ workflows: projectFile('workflows'), activities, ...rest });
process.once('SIGTERM', () => worker.shutdown());
const running = worker.run();
process.stdout.write('serving\n');
await running;
process.exit(0);
