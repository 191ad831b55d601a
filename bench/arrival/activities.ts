import { fileURLToPath } from 'node:url';
import { implement } from '../../activities/sdk/implement.js';
import { first, fit, score } from './contracts.js';
import { tell } from './receiver.js';

const heldOutRows = 150;

/** Two models that answer differently, in turns. */
const fixture = (round: number) =>
  fileURLToPath(new URL(`../../test/fixtures/onnx/iris-v${(round % 2) + 1}.onnx`, import.meta.url));

export const activities = [
  implement(first, async ({ receiver, id, round }, { artifacts }) => {
    await tell(receiver, id);
    return { model: await artifacts.putFile(fixture(round)) };
  }),
  implement(fit, async ({ round }, { artifacts }) => ({
    model: await artifacts.putFile(fixture(round)),
    trained: await artifacts.putJson({ round }),
  })),
  implement(score, async ({ model }, { artifacts }) => {
    const { round } = (await artifacts.json(model)) as { round: number };
    const perRow = ['round', ...Array.from({ length: heldOutRows }, () => round)].join('\n');
    return { metrics: { round }, perRow: await artifacts.putBytes(Buffer.from(perRow), 'text/csv') };
  }),
];
