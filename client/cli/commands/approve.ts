import type { Command } from 'commander';
import { EvertrainError } from '../../../workflows/sdk/errors.js';
import { type ConnectedOptions, connected, parseJson, withConnection } from '../connected.js';

interface ApproveCommandOptions extends ConnectedOptions {
  readonly answer?: string;
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
    .option('--actor <name>', 'who answers', process.env['USER'])
    .action(approve);
}

async function approve(id: string, approval: string, options: ApproveCommandOptions): Promise<void> {
  const answer = answerOf(options);
  await connected(options, async (evertrain) => {
    await evertrain.attach(id).approve(approval, answer, options.actor === undefined ? {} : { actor: options.actor });
    process.stdout.write('recorded\n');
  });
}

function answerOf({ answer, yes, no }: ApproveCommandOptions): unknown {
  if ([answer, yes, no].filter((given) => given !== undefined).length !== 1) {
    throw new EvertrainError('USER_OPTION_INVALID', 'Give exactly one of --yes, --no and --answer.');
  }
  return answer === undefined ? { approved: yes === true } : parseJson('--answer', answer);
}
