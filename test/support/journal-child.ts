import type { Journal } from '../../activities/sdk/ports.js';
import { type Remake, remade, tell, waitForGo } from './child-process.js';

/** One writer of the journal's conformance suite, in a process of its own. */
type Task =
  | { readonly do: 'create'; readonly keys: readonly string[]; readonly body: string }
  | { readonly do: 'append-without-end'; readonly key: string };

const { remake, task } = JSON.parse(process.argv[2] ?? '') as { remake: Remake; task: Task };
const journal = await remade<Journal>(remake);

if (task.do === 'create') {
  await waitForGo();
  const won: string[] = [];
  for (const key of task.keys) if (await journal.create(key, task.body)) won.push(key);
  tell(won);
} else {
  for (let i = 0; ; i++) {
    await journal.append(task.key, [JSON.stringify({ i, text: 'x'.repeat(50_000) })]);
    if (i === 3) tell('appending');
  }
}
