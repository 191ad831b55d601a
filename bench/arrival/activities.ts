import { fileURLToPath } from 'node:url';
import { implement } from '../../activities/sdk/implement.js';
import { first } from './contracts.js';
import { tell } from './receiver.js';

/** Two models that answer differently, in turns. */
const fixture = (round: number) =>
  fileURLToPath(new URL(`../../test/fixtures/onnx/iris-v${(round % 2) + 1}.onnx`, import.meta.url));

export const activities = [
  implement(first, async ({ receiver, id, round }, { artifacts }) => {
    await tell(receiver, id);
    return { model: await artifacts.putFile(fixture(round)) };
  }),
];
