import { fanOutSettled, pipeline, sleep, start } from 'evertrain';
import { z } from 'zod';
import { clean, evaluate, extract, tell, train } from './contracts.js';
import { daily } from './daily.js';

// trigger rules, branches, loops, callbacks and deadlines are plain code
export const rules = pipeline('rules', { input: z.object({ sources: z.array(z.string()) }) }, async ({ sources }) => {
  // all_done: each is tried, whatever becomes of the others
  const tried = await fanOutSettled(
    sources.map((source) => ({ source })),
    clean,
  );
  const cleaned = tried.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  // one_failed, on_failure_callback
  if (cleaned.length < tried.length) await tell({ text: `${tried.length - cleaned.length} sources failed` });
  // one_success: the first that is there; none_failed would be `Promise.all`
  const [first] = cleaned;
  if (first === undefined) throw new Error('no source could be cleaned');
  try {
    const { table } = await extract({ table: first.table });
    // a loop at run time: deeper until it is good enough
    for (let depth = 1; ; depth++) {
      const work = train({ table, depth });
      // SLA: whoever waits is told, and the work goes on
      const isLate = await Promise.race([work.then(() => false), sleep('2 hours').then(() => true)]);
      if (isLate) await tell({ text: `training with depth ${depth} takes more than two hours` });
      const { accuracy } = await evaluate({ table, model: (await work).model });
      if (accuracy < 0.95 && depth < 5) continue;
      // trigger another pipeline, and do not wait for it
      const { workflowId } = await start(daily, { source: sources[0] ?? '' });
      return { depth, accuracy, started: workflowId };
    }
  } finally {
    // teardown, all_done: whether it failed or not
    await tell({ text: 'rules has ended' });
  }
});
