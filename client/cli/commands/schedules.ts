import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import { EvertrainError } from '../../../workflows/sdk/errors.js';
import { nearestName } from '../../../workflows/sdk/options.js';
import type { Evertrain } from '../../evertrain.js';
import { type ConnectedOptions, connected, withConnection } from '../connected.js';
import { loadProject } from '../project-files.js';
import { applyAll, asRules } from '../apply-all.js';
import { changeLines, scheduleLine, scheduleLines } from '../schedule-lines.js';

interface SchedulesOptions extends ConnectedOptions {
  readonly yes?: boolean;
  readonly prune?: boolean;
  readonly actor?: string;
  readonly reason?: string;
  readonly json?: boolean;
}

/** Whether each needs a name. */
const actions: Readonly<Record<string, boolean>> = {
  ls: false,
  apply: false,
  show: true,
  pause: true,
  resume: true,
  trigger: true,
  delete: true,
};
const names = Object.keys(actions);

export function configure(command: Command): void {
  withConnection(command)
    .argument('[action]', `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`, 'ls')
    .argument('[name]', 'name of a schedule')
    .option('--yes', 'apply without asking')
    .option('--prune', 'apply: also delete what the project, which has no name, does not declare')
    .option('--actor <name>', 'who pauses or resumes it', process.env['USER'])
    .option('--reason <text>', 'why')
    .option('--json', 'JSON')
    .action(schedules);
}

async function schedules(action: string, name: string | undefined, options: SchedulesOptions): Promise<void> {
  refuseWrong(action, name);
  const say = (lines: readonly string[], value: unknown) => {
    process.stdout.write(options.json ? `${JSON.stringify(value)}\n` : lines.map((line) => `${line}\n`).join(''));
  };
  await connected(options, async (evertrain) => {
    if (action === 'apply') return apply(evertrain, options, say);
    if (action === 'ls') {
      const found = await evertrain.schedules.list();
      return say(found.map(scheduleLine), found);
    }
    if (action === 'trigger') {
      const run = await evertrain.schedules.trigger(name as string);
      return say([run.workflowId], { workflowId: run.workflowId, runId: run.runId });
    }
    if (action === 'delete') {
      await evertrain.schedules.delete(name as string);
      return say([`Schedule "${name}" is deleted; its runs stay.`], { deleted: name });
    }
    const because = [options.actor, options.reason].filter((part) => part !== undefined).join(': ');
    if (action === 'pause') await evertrain.schedules.pause(name as string, because);
    if (action === 'resume') await evertrain.schedules.resume(name as string, because);
    const view = await evertrain.schedules.show(name as string);
    return say(scheduleLines(view), view);
  });
}

type Say = (lines: readonly string[], value: unknown) => void;

async function apply(evertrain: Evertrain, { yes, prune = false, json }: SchedulesOptions, say: Say): Promise<void> {
  const project = await loadProject(process.cwd());
  const plan = [
    ...(await evertrain.schedules.plan(project, { prune })),
    ...asRules(await evertrain.assets.plan(project, { prune })),
  ];
  const isNothing = plan.every(({ kind }) => kind === 'unchanged' || kind === 'left');
  if (isNothing) return say([...changeLines(plan), 'Nothing to change.'], plan);
  if (yes !== true) {
    say(changeLines(plan), plan);
    if (json === true || !(await agreed())) {
      throw new EvertrainError('USER_OPTION_INVALID', 'schedules apply: nothing was changed.', {
        remedy: 'Pass --yes to apply it.',
      });
    }
  }
  const done = await applyAll(evertrain, project, prune);
  say(yes === true ? [...changeLines(done), 'Applied.'] : ['Applied.'], done);
}

async function agreed(): Promise<boolean> {
  if (process.stdin.isTTY !== true) return false;
  const asked = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return /^y(es)?$/i.test((await asked.question('Apply? [y/N] ')).trim());
  } finally {
    asked.close();
  }
}

function refuseWrong(action: string, name: string | undefined): void {
  const needs = actions[action];
  if (needs === undefined) {
    const nearest = nearestName(action, names);
    throw new EvertrainError('USER_OPTION_INVALID', `"${action}" is nothing to do with schedules.`, {
      value: action,
      remedy: nearest === undefined ? `Use one of: ${names.join(', ')}.` : `Did you mean "${nearest}"?`,
    });
  }
  if (needs === (name !== undefined)) return;
  throw new EvertrainError('USER_OPTION_INVALID', `${action} ${needs ? 'needs' : 'takes no'} name of a schedule.`, {
    value: name,
    remedy: '`npx evertrain schedules` lists them.',
  });
}
