import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { installRuntime } from '../../worker/log.js';
import { type ChaosRound, chaosRound, type Fault, faults, undisturbed } from '../support/chaos.js';
import { many } from '../fixtures/durability/contracts.js';
import { durableProject } from '../support/durable-project.js';

/**
 * `npm run soak -- --seed S [--rounds N]`: what test/durability/chaos.test.ts does in two rounds, in many, each on an
 * engine of its own. Writes its report to docs/soak/seed-S.md, and exits with 1 when anything did not hold.
 */
const { values } = parseArgs({ options: { seed: { type: 'string' }, rounds: { type: 'string', default: '60' } } });
const seed = wholeNumber('--seed', values.seed);
const rounds = wholeNumber('--rounds', values.rounds);
const faultsPerRound = 4;
const plainCalls = 5_000;

installRuntime('ERROR');
const startedAt = new Date();
const done: ChaosRound[] = [];
const calls = await promiseAll();
for (let n = 0; n < rounds; n++) {
  const round = await oneRound(n);
  done.push(round);
  const failed = round.failures.map((failure) => `\n  FAILED: ${failure}`).join('');
  process.stdout.write(`round ${n}: ${round.faults.join(', ')}; ${round.repeated} begun again${failed}\n`);
  report();
}
process.exit(calls === undefined && done.every(({ failures }) => failures.length === 0) ? 0 : 1);

/** What is wrong with a `Promise.all` over thousands of plain step calls, if anything. */
async function promiseAll(): Promise<string | undefined> {
  const fixture = await durableProject();
  try {
    const worker = await fixture.worker();
    const result = await fixture.evertrain.execute(many, { count: plainCalls }, { provenance: false });
    await worker.stop();
    const sum = plainCalls * (plainCalls - 1);
    return result.outcome === 'completed' && result.output === sum ? undefined : JSON.stringify(result);
  } catch (error) {
    return String(error);
  } finally {
    await fixture.close();
  }
}

/** A round's faults depend on the seed and its number only, so it can be done again. */
async function oneRound(n: number): Promise<ChaosRound> {
  const fixture = await durableProject();
  try {
    const model = await undisturbed(fixture);
    const options = { under: `round-${n}`, faults: faultsPerRound, model, seed: seed * 100_003 + n };
    return await chaosRound(fixture, options);
  } catch (error) {
    return { faults: [], runs: 0, repeated: 0, failures: [`the round broke: ${String(error)}`] };
  } finally {
    await fixture.close();
  }
}

function report(): void {
  const git = (...args: string[]) => execFileSync('git', args, { encoding: 'utf8' }).trim();
  const changed = git('status', '--porcelain', '--', ':!docs') === '' ? '' : ', with uncommitted changes';
  const count = (fault: Fault) => done.flatMap((round) => round.faults).filter((one) => one === fault).length;
  const sum = (of: (round: ChaosRound) => number) => done.reduce((total, round) => total + of(round), 0);
  const failures = done.flatMap((round, n) => round.failures.map((failure) => `- round ${n}: ${failure}`));
  const minutes = ((Date.now() - startedAt.getTime()) / 60_000).toFixed(0);
  const lines = [
    `# Soak, seed ${seed}`,
    '',
    `\`npm run soak -- --seed ${seed} --rounds ${rounds}\` at ${git('rev-parse', '--short', 'HEAD')}${changed}, ${startedAt.toISOString().slice(0, 10)}, ${minutes} minutes on ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}.`,
    '',
    'A round: every shape of a pipeline and a Python training at once on an engine of their own, with faults at random moments. Held are: results, effects at their receiver, no step begun more often than it had attempts, the trained bytes, at most one epoch repeated by an attempt, histories that replay.',
    '',
    '| what | count |',
    '| --- | --- |',
    `| Promise.all over ${plainCalls} step calls | ${calls ?? 'completed'} |`,
    `| rounds | ${done.length} of ${rounds} |`,
    `| runs | ${sum((round) => round.runs)} |`,
    ...faults.map((fault) => `| ${fault} | ${count(fault)} |`),
    `| steps and epochs begun again | ${sum((round) => round.repeated)} |`,
    `| failures | ${failures.length} |`,
    ...(failures.length === 0 ? [] : ['', ...failures]),
  ];
  mkdirSync('docs/soak', { recursive: true });
  writeFileSync(`docs/soak/seed-${seed}.md`, `${lines.join('\n')}\n`);
}

function wholeNumber(option: string, text: string | undefined): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 0 && text !== '') return value;
  process.stderr.write(
    `${option} is ${String(text)}: give a whole number, for example \`npm run soak -- --seed 7\`.\n`,
  );
  process.exit(2);
}
