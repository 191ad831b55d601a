import type { Command } from 'commander';
import { profileVariables } from '../../../activities/sdk/profile-variables.js';
import { setVariable, setVariables, unsetVariable } from '../../../activities/sdk/variables.js';
import { openStorage } from '../../../activities/sdk/storage.js';
import { EvertrainError } from '../../../workflows/sdk/errors.js';
import { nearestName } from '../../../workflows/sdk/options.js';
import type { VariableValue } from '../../../workflows/sdk/protocol.js';
import { defined } from '../../../workflows/sdk/registry.js';
import { checkVariable, type VariableDefinition } from '../../../workflows/sdk/variable.js';
import { jsonOrText } from '../input.js';
import { loadProject } from '../project-files.js';

interface VariableOptions {
  readonly dataDir: string;
}

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
  withData(command.command('unset')).description('give one its default again').argument('<name>').action(unset);
}

async function ls({ dataDir, json }: VariableOptions & { readonly json?: boolean }): Promise<void> {
  const declared = await variablesOfProject();
  const set = await setVariables(openStorage(dataDir).journal);
  const rows = declared.map(({ name, default: fallback, description }) => {
    const unset = { name, value: valueHere(name, fallback) };
    return { description, default: fallback, ...(set.get(name) ?? unset) };
  });
  process.stdout.write(json ? `${JSON.stringify(rows)}\n` : rows.map(lineOf).join(''));
}

type Row = Pick<VariableDefinition, 'name' | 'default' | 'description'> & VariableValue;

function lineOf({ name, value, default: fallback, setBy, setAt, description }: Row): string {
  const isDefault = JSON.stringify(value) === JSON.stringify(fallback);
  const unset = isDefault ? 'default' : `of the profile; default ${JSON.stringify(fallback)}`;
  const from = setAt === undefined ? unset : `set by ${setBy} at ${setAt}; default ${JSON.stringify(fallback)}`;
  return `${name} = ${JSON.stringify(value)}  (${from})${description === undefined ? '' : `  ${description}`}\n`;
}

async function set(name: string, text: string, options: VariableOptions & { readonly actor?: string }): Promise<void> {
  const variable = await variableOf(name);
  const value = valueOf(variable, text);
  const { actor: setBy = 'unknown', dataDir } = options;
  await setVariable(openStorage(dataDir).journal, { name, value, setBy, setAt: new Date().toISOString() });
  process.stdout.write(`${name} = ${JSON.stringify(value)}\n`);
}

async function unset(name: string, { dataDir }: VariableOptions): Promise<void> {
  const { default: fallback } = await variableOf(name);
  await unsetVariable(openStorage(dataDir).journal, name);
  process.stdout.write(`${name} = ${JSON.stringify(valueHere(name, fallback))}\n`);
}

/** Of a variable that nobody has set. */
function valueHere(name: string, fallback: unknown): unknown {
  const ofProfile = profileVariables();
  return ofProfile.has(name) ? ofProfile.get(name) : fallback;
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
  const declared = await variablesOfProject();
  const found = declared.find((one) => one.name === name);
  if (found !== undefined) return found;
  const names = declared.map((one) => one.name);
  const nearest = nearestName(name, names);
  throw new EvertrainError('USER_OPTION_INVALID', `The project declares no variable "${name}".`, {
    value: name,
    remedy: nearest === undefined ? `It declares: ${names.join(', ') || 'none'}.` : `Did you mean "${nearest}"?`,
  });
}
