import type { Command } from 'commander';
import { serveModels, serveOptions } from '../../../serving/main.js';

export function configure(command: Command): void {
  command
    .option('--data-dir <folder>', 'where artifacts and deployments are')
    .option('--host <host>', 'address to listen on')
    .option('--port <port>', 'port to listen on; 0 takes a free one')
    .option('--max-model-bytes <bytes>', 'bytes of models to keep loaded; those asked longest ago make room')
    .option('--log-sampling <share>', 'share of predictions that are logged, 0 to 1')
    .option('--log-mask <list>', 'features whose values are not logged, separated by commas')
    .option('--no-log', 'log no predictions, and take no labels')
    .action(async ({ log, ...options }: Record<string, string> & { log?: unknown }) => {
      const flags = {
        'data-dir': options['dataDir'],
        host: options['host'],
        port: options['port'],
        'max-model-bytes': options['maxModelBytes'],
        'log-sampling': options['logSampling'],
        'log-mask': options['logMask'],
      };
      const given = Object.entries(flags).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, value]));
      await serveModels(serveOptions(log === false ? [...given, '--no-log'] : given, process.env));
    });
}
