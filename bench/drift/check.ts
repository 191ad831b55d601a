import { checkDriftStep } from '../../activities/monitoring/check-drift.js';
import { testContext } from '../../test/support/step-context.js';
import { type DriftReport, DriftRules } from '../../workflows/sdk/model/drift.js';

/** A process of its own, so that its memory is the check's: `check.ts reference.parquet window.parquet`. */
const [reference = '', window = ''] = process.argv.slice(2);
const context = await testContext();
const input = {
  reference: await context.artifacts.putFile(reference),
  window: await context.artifacts.putFile(window),
  rules: DriftRules.parse({}),
};
const [from, cpu] = [performance.now(), process.cpuUsage()];
const report = (await checkDriftStep.run(input, context)) as DriftReport;
const ms = performance.now() - from;
const { user, system } = process.cpuUsage(cpu);
const drifted = report.features.filter(({ isDrifted }) => isDrifted).map(({ name }) => name);
await context.remove();
console.log(
  JSON.stringify({
    ms,
    cpuMs: (user + system) / 1_000,
    peakMb: process.resourceUsage().maxRSS / 1024,
    drifted: drifted.sort(),
  }),
);
