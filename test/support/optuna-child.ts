import { readFileSync } from 'node:fs';
import { Optuna } from '../../activities/search/optuna.js';
import { configurePython } from '../../activities/sdk/jobs/python-environment.js';
import type { SuggestRequest } from '../../workflows/sdk/search/suggest.js';
import { tell } from './child-process.js';

/** A worker process with an Optuna of its own, to be killed by a test: the path of `{ python, requirements, requests }`. */
const { python, requirements, requests } = JSON.parse(
  readFileSync(JSON.parse(process.argv[2] as string) as string, 'utf8'),
) as {
  python: string;
  requirements: string;
  requests: SuggestRequest[];
};
configurePython(() => Promise.resolve({ python, digest: '' }));
const optuna = new Optuna({ requirements, log: () => undefined });
for (const request of requests) {
  const answer = optuna.suggest(request);
  tell({ pid: await optuna.pid('suggest') });
  await answer;
}
