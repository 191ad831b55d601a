import { parseArgs } from 'node:util';
import { installRuntime } from '../../worker/log.js';
import { soakArrivals } from './arrivals.js';
import { soakBackfill } from './backfill.js';
import { soakDrift } from './drift.js';
import { soakFanOut } from './fan-out.js';
import { soakFaults } from './faults.js';
import { soakKafka } from './kafka.js';
import { soakOvertake } from './overtake.js';
import { soakRollout } from './rollout.js';
import { soakSearch } from './search.js';
import { soakSensors } from './sensors.js';
import { soakYear } from './year.js';

/**
 * `npm run soak -- --seed S [--scenario faults|arrivals|fan-out|overtake|year|rollout|drift|search|sensors|backfill|kafka] [--rounds N]`: what tests do in a reduced form,
 * at full size.
 * Writes its report to docs/soak, and exits with 1 when anything did not hold.
 */
const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    scenario: { type: 'string', default: 'faults' },
    rounds: { type: 'string', default: '60' },
  },
});
const seed = wholeNumber('--seed', values.seed);
const rounds = wholeNumber('--rounds', values.rounds);
const scenarios: Readonly<Record<string, () => Promise<boolean>>> = {
  faults: () => soakFaults(seed, rounds),
  arrivals: () => soakArrivals(seed),
  'fan-out': () => soakFanOut(seed),
  overtake: () => soakOvertake(seed),
  year: () => soakYear(seed),
  rollout: () => Promise.resolve(soakRollout(seed)),
  drift: () => soakDrift(seed, rounds),
  search: () => soakSearch(seed, rounds),
  sensors: () => soakSensors(seed),
  backfill: () => soakBackfill(seed),
  kafka: () => soakKafka(seed),
};
const scenario = scenarios[values.scenario];
if (scenario === undefined) refuse('--scenario', values.scenario, Object.keys(scenarios).join(', '));

installRuntime('ERROR');
process.exit((await scenario()) ? 0 : 1);

function wholeNumber(option: string, text: string | undefined): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 0 && text !== '') return value;
  refuse(option, text, 'a whole number, for example `npm run soak -- --seed 7`');
}

function refuse(option: string, text: string | undefined, wanted: string): never {
  process.stderr.write(`${option} is ${String(text)}: give ${wanted}.\n`);
  process.exit(2);
}
