import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { built } from './built-tree.js';

/** A small project of a user's, outside of this checkout, to be edited while it is served. */
export interface DevProject {
  readonly folder: string;
  readonly dataDir: string;
  /** Writes the pipelines anew: `word` is what their code says; `broken` leaves a syntax error in it. */
  edit(word: string, options?: { readonly broken?: boolean }): Promise<void>;
  remove(): Promise<void>;
}

const sdk = (path: string) => JSON.stringify(built(resolve(path)));

const contracts = `
import { z } from 'zod';
import { step } from ${sdk('workflows/sdk/index.js')};
export const say = step('say', {
  input: z.object({ word: z.string() }), output: z.object({ said: z.string() }), heartbeat: '2s',
});
export const hold = step('hold', {
  input: z.object({ begin: z.string() }), output: z.object({}), heartbeat: '2s',
  retry: { attempts: 9, firstDelay: '100ms', backoff: 1 },
});
`;

const workflows = (word: string) => `
import { z } from 'zod';
import { approval, on, pipeline, project, schedule, webhook } from ${sdk('workflows/sdk/index.js')};
import { hold, say } from './contracts.js';
const speak = pipeline('speak', { description: 'says ${word}' }, async () => (await say({ word: '${word}' })).said);
const ask = pipeline('ask', {}, async () => {
  await approval('go on?');
  return (await say({ word: '${word}' })).said;
});
const slow = pipeline('slow', { input: z.object({ begin: z.string() }) }, async ({ begin }) => {
  await hold({ begin });
  return (await say({ word: '${word}' })).said;
});
export default project({
  pipelines: [speak, ask, slow],
  schedules: [schedule(speak, '@yearly')],
  events: [on(webhook('/speak'), speak)],
});
`;

const activities = `
import { implement } from ${sdk('activities/sdk/index.js')};
import { hold, say } from '../workflows/contracts.js';
export const activities = [
  implement(say, ({ word }) => ({ said: word })),
  implement(hold, async ({ begin }, { signal }) => {
    await fetch(begin, { method: 'POST', signal });
    return {};
  }),
];
`;

export async function devProject(): Promise<DevProject> {
  const folder = await mkdtemp(join(tmpdir(), 'evertrain-dev-'));
  /** As many editors do: the new text beside, then renamed over the old one. */
  const write = async (path: string, text: string) => {
    await writeFile(join(folder, `${path}~`), text);
    await rename(join(folder, `${path}~`), join(folder, path));
  };
  const edit: DevProject['edit'] = (word, { broken = false } = {}) =>
    write('workflows/index.ts', broken ? `${workflows(word)}\nconst = ;` : workflows(word));
  await Promise.all(['workflows', 'activities'].map((name) => mkdir(join(folder, name))));
  await symlink(resolve('node_modules'), join(folder, 'node_modules'));
  await write('package.json', '{ "name": "small", "private": true, "type": "module" }');
  await write('workflows/contracts.ts', contracts);
  await write('activities/index.ts', activities);
  await edit('one');
  return {
    folder,
    dataDir: join(folder, '.evertrain'),
    edit,
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
