import type { Command } from 'commander';
import { type ConnectedOptions, connected, withConnection } from '../connected.js';

export function configure(command: Command): void {
  withConnection(command).argument('<run>', 'its workflow id').action(cancel);
}

async function cancel(id: string, options: ConnectedOptions): Promise<void> {
  await connected(options, async (evertrain) => {
    await evertrain.attach(id).cancel();
    process.stdout.write('cancellation requested\n');
  });
}
