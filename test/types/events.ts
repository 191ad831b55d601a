/** What rules for events refuse at compile time. Checked by `tsc`, never run; see authoring.ts. */
import { z } from 'zod';
import { model, objectCreated, on, pipeline, signal, webhook } from '../../workflows/sdk/index.js';

const train = pipeline('types.events', { input: z.object({ rows: z.int() }) }, () => Promise.resolve(1));
const fed = model('types.fed', { pipeline: train, data: { toInput: () => ({}), retrainWhen: { batches: 1 } } });
const word = signal('types.word', z.object({ word: z.string() }));
const sales = webhook('/sales', { schema: z.object({ count: z.coerce.number(), uri: z.string() }) });

on(sales, train, { toInput: ({ data }) => ({ rows: data.count }) });
// @ts-expect-error an input of the wrong type
on(sales, train, { toInput: ({ data }) => ({ rows: data.uri }) });
// @ts-expect-error a field that the event does not have
on(sales, train, { toInput: ({ data }) => ({ rows: data.cuont }) });
on(sales, fed, { toBatch: ({ data: { uri, count } }) => ({ uri, rows: count }) });
// @ts-expect-error a batch without rows
on(sales, fed, { toBatch: ({ data: { uri } }) => ({ uri }) });
on(objectCreated('s3://bucket/in/'), [fed], { model: ({ data }) => data.uri });
// @ts-expect-error nothing chooses the model
on(sales, [fed]);
on(sales, word, { run: ({ data }) => data.uri, toPayload: ({ data }) => ({ word: data.uri }) });
// @ts-expect-error a payload of the wrong type
on(sales, word, { run: ({ data }) => data.uri, toPayload: ({ data }) => ({ word: data.count }) });
// @ts-expect-error no run to signal
on(sales, word, {});
