import { fileURLToPath } from 'node:url';
import { implement } from '../../activities/sdk/implement.js';
import { implementPython } from '../../activities/sdk/jobs/implement-python.js';
import { fibo as fiboStep, lightFibo, stamp } from '../overhead/contracts.js';
import { fibo } from '../support/fibo.js';
import { epochs, fiboPython } from './contracts.js';

const file = (name: string) => fileURLToPath(new URL(name, import.meta.url));

export const activities = [
  implement(fiboStep, ({ n }) => ({ value: fibo(n) })),
  implement(lightFibo, ({ n }) => ({ value: fibo(n) })),
  implement(stamp, ({ at }) => ({ ms: Date.now() - at })),
  implementPython(fiboPython, `${file('../peers/fibo.py')}:job`, { reuse: true }),
  implementPython(epochs, `${file('./epochs.py')}:train`),
];
