import type { Command } from 'commander';
import { serveModels, serveOptions } from '../../../serving/main.js';

export function configure(command: Command): void {
  command
    .option('--data-dir <folder>', 'where artifacts and deployments are')
    .option('--host <host>', 'address to listen on')
    .option('--port <port>', 'port to listen on; 0 takes a free one')
    .option('--max-model-bytes <bytes>', 'bytes of models to keep loaded; those asked longest ago make room')
    .action(async (options: Record<string, string>) => {
      const { dataDir, host, port, maxModelBytes } = options;
      const flags = { 'data-dir': dataDir, host, port, 'max-model-bytes': maxModelBytes };
      const given = Object.entries(flags).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, value]));
      await serveModels(serveOptions(given, process.env));
    });
}
