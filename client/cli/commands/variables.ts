import type { Command } from 'commander';
import { setVariable, unsetVariable } from '../../../activities/sdk/variables.js';
import { openStorage } from '../../../activities/sdk/storage.js';
import { defined } from '../../../workflows/sdk/registry.js';
import { checkVariable, type VariableDefinition } from '../../../workflows/sdk/variable.js';
import { variableNamed } from '../../variable-named.js';
import { jsonOrText } from '../input.js';
import { loadProject } from '../project-files.js';
import { valueHere, type VariableRow, variableRows } from '../variable-rows.js';

interface VariableOptions {
  readonly dataDir: string;
}

type ByActor = VariableOptions & { readonly actor?: string };

export function configure(command: Command): void {
  const withData = (one: Command) =>
    one.option('--data-dir <folder>', 'where the journal is', process.env['EVERTRAIN_DATA_DIR'] ?? '.evertrain');
  withData(command.command('ls'))
    .description('list them: their values, and who has set them')
    .option('--json', 'one JSON array')
    .action(ls);
  withData(command.command('set'))
    .description('give one a value, which runs see that read it from now on')
    .argument('<name>')
    .argument('<value>', 'JSON, or text')
    .option('--actor <name>', 'who sets it', process.env['USER'])
    .action(set);
  withData(command.command('unset'))
    .description('give one its default again')
    .argument('<name>')
    .option('--actor <name>', 'who does', process.env['USER'])
    .action(unset);
}

async function ls({ dataDir, json }: VariableOptions & { readonly json?: boolean }): Promise<void> {
  const rows = await variableRows(await variablesOfProject(), openStorage(dataDir).journal);
  process.stdout.write(json ? `${JSON.stringify(rows)}\n` : rows.map(lineOf).join(''));
}

function lineOf({ name, value, default: fallback, setBy, setAt, description }: VariableRow): string {
  const isDefault = JSON.stringify(value) === JSON.stringify(fallback);
  const unset = isDefault ? 'default' : `of the profile; default ${JSON.stringify(fallback)}`;
  const from = setAt === undefined ? unset : `set by ${setBy} at ${setAt}; default ${JSON.stringify(fallback)}`;
  return `${name} = ${JSON.stringify(value)}  (${from})${description === undefined ? '' : `  ${description}`}\n`;
}

async function set(name: string, text: string, options: ByActor): Promise<void> {
  const variable = await variableOf(name);
  const value = valueOf(variable, text);
  const { actor: setBy = 'unknown', dataDir } = options;
  await setVariable(openStorage(dataDir).journal, { name, value, setBy, setAt: new Date().toISOString() });
  process.stdout.write(`${name} = ${JSON.stringify(value)}\n`);
}

async function unset(name: string, { dataDir, actor = 'unknown' }: ByActor): Promise<void> {
  const { default: fallback } = await variableOf(name);
  await unsetVariable(openStorage(dataDir).journal, name, actor);
  process.stdout.write(`${name} = ${JSON.stringify(valueHere(name, fallback))}\n`);
}

/** Text that is no JSON, or where text is wanted, is taken as it is. */
function valueOf(variable: VariableDefinition, text: string): unknown {
  const value = typeof variable.default === 'string' ? text : jsonOrText(text);
  checkVariable(variable, value);
  return value;
}

async function variablesOfProject(): Promise<readonly VariableDefinition[]> {
  await loadProject(process.cwd());
  return defined.variables;
}

async function variableOf(name: string): Promise<VariableDefinition> {
  return variableNamed(await variablesOfProject(), name);
}
