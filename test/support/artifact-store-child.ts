import { Readable } from 'node:stream';
import type { ArtifactStore } from '../../activities/sdk/ports.js';
import { type Remake, remade, tell, waitForGo } from './child-process.js';

/** One writer of the conformance suite, in a process of its own. */
type Task =
  | { readonly do: 'put'; readonly texts: readonly string[] }
  | { readonly do: 'put-without-end' }
  | { readonly do: 'put-large'; readonly mebibytes: number };

const { remake, task } = JSON.parse(process.argv[2] ?? '') as { remake: Remake; task: Task };
const store = await remade<ArtifactStore>(remake);
const mebibyte = 1 << 20;

if (task.do === 'put') {
  await waitForGo();
  const stored: string[] = [];
  for (const text of task.texts) stored.push((await store.put(Buffer.from(text), 'text/plain')).sha256);
  tell(stored);
} else if (task.do === 'put-without-end') {
  await store.put(Readable.from(endless()), 'application/octet-stream');
} else {
  await store.put(Readable.from(zeros(4)), 'application/octet-stream');
  const before = process.resourceUsage().maxRSS;
  const artifact = await store.put(Readable.from(zeros(task.mebibytes)), 'application/octet-stream');
  for await (const _ of await store.open(artifact));
  await store.materialize(artifact);
  tell({ artifact, growthMebibytes: (process.resourceUsage().maxRSS - before) / 1024 });
}

async function* endless(): AsyncGenerator<Buffer> {
  for (let written = 0; ; written++) {
    if (written === 8) tell('writing');
    yield Buffer.alloc(mebibyte, written);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function* zeros(mebibytes: number): Generator<Buffer> {
  for (let i = 0; i < mebibytes; i++) yield Buffer.alloc(mebibyte);
}
