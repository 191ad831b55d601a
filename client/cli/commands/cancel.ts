import type { Command } from 'commander';
import { EvertrainError } from '../../../workflows/sdk/errors.js';
import { type ConnectedOptions, connected, withConnection } from '../connected.js';

export function configure(command: Command): void {
  withConnection(command).argument('<run>', 'its workflow id').action(cancel);
}

async function cancel(id: string, options: ConnectedOptions): Promise<void> {
  await connected(options, async (evertrain) => {
    const run = evertrain.attach(id);
    // The engine would take the request for a closed run too, and do nothing.
    const { closedAt, status } = await run.view();
    if (closedAt !== undefined) {
      throw new EvertrainError('USER_RUN_UNKNOWN', `Run "${id}" has ended already (${status.kind}).`, {
        value: id,
        remedy: 'There is nothing to cancel.',
      });
    }
    await run.cancel();
    process.stdout.write('cancellation requested\n');
  });
}
