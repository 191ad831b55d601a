import type { Command } from 'commander';
import { EvertrainError } from '../../../workflows/sdk/errors.js';
import type { Schema } from '../../../workflows/sdk/schema.js';
import type { Run } from '../../run.js';
import { type ConnectedOptions, connected, parseJson, withConnection } from '../connected.js';
import { setOption, withFields } from '../input.js';

interface ApproveCommandOptions extends ConnectedOptions {
  readonly answer?: string;
  readonly set?: readonly string[];
  readonly yes?: boolean;
  readonly no?: boolean;
  readonly actor?: string;
}

export function configure(command: Command): void {
  withConnection(command)
    .argument('<run>', 'its workflow id')
    .argument('<approval>', 'its id, as `evertrain show` has it')
    .option('--yes', 'answer { "approved": true }')
    .option('--no', 'answer { "approved": false }')
    .option('--answer <json>', 'any other answer')
    .addOption(setOption('the answer'))
    .option('--actor <name>', 'who answers', process.env['USER'])
    .action(approve);
}

async function approve(id: string, approval: string, options: ApproveCommandOptions): Promise<void> {
  const whole = wholeAnswer(options);
  await connected(options, async (evertrain) => {
    const run = evertrain.attach(id);
    const answer = options.set === undefined ? whole : withFields({}, options.set, await answerSchema(run, approval));
    await run.approve(approval, answer, options.actor === undefined ? {} : { actor: options.actor });
    process.stdout.write('recorded\n');
  });
}

function wholeAnswer({ answer, set, yes, no }: ApproveCommandOptions): unknown {
  if ([answer, set, yes, no].filter((given) => given !== undefined).length !== 1) {
    throw new EvertrainError('USER_OPTION_INVALID', 'Give exactly one of --yes, --no, --answer and --set.');
  }
  return answer === undefined ? { approved: yes === true } : parseJson('--answer', answer);
}

/** By it text is told from JSON; where JSON schema does not say it, the run alone checks. */
async function answerSchema(run: Run, id: string): Promise<Schema | undefined> {
  const asked = (await run.approvals()).find((one) => one.id === id);
  if (asked?.answerSchema === undefined) return undefined;
  // Not with this module: a command that refuses its options needs no schemas.
  const { z } = await import('zod');
  try {
    return z.fromJSONSchema(asked.answerSchema as Parameters<typeof z.fromJSONSchema>[0]);
  } catch {
    return undefined;
  }
}
