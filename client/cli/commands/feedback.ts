import type { Command } from 'commander';
import { EvertrainError } from '../../../workflows/sdk/errors.js';
import { sendFeedback } from '../../send-feedback.js';
import { readLabels } from '../label-file.js';

interface FeedbackOptions {
  readonly file: string;
  readonly server?: string;
  readonly dataDir: string;
}

export function configure(command: Command): void {
  command
    .argument('<model>')
    .requiredOption('--file <labels>', 'a CSV file with the columns id, label and perhaps row, or a JSONL file')
    .option('--server <address>', "the model server; default: EVERTRAIN_MODEL_SERVER, or the data folder's")
    .option('--data-dir <folder>', 'whose model server is asked', process.env['EVERTRAIN_DATA_DIR'] ?? '.evertrain')
    .action(async (model: string, { file, server, dataDir }: FeedbackOptions) => {
      const labels = await readLabels(file);
      const address = server ?? process.env['EVERTRAIN_MODEL_SERVER'] ?? (await keptAddress(dataDir));
      const { accepted, duplicates, unknown } = await sendFeedback(address, model, labels);
      process.stdout.write(`${accepted} labels kept, ${duplicates} known already`);
      process.stdout.write(unknown === 0 ? '\n' : `; ${unknown} of them are of no recent prediction\n`);
    });
}

async function keptAddress(dataDir: string): Promise<string> {
  // It brings the whole engine and worker along.
  const { keptServerPort } = await import('../local-system.js');
  const port = keptServerPort(dataDir);
  if (port !== undefined) return `http://127.0.0.1:${port}`;
  throw new EvertrainError('USER_OPTION_INVALID', `No model server is named, and ${dataDir} keeps none.`, {
    value: dataDir,
    remedy: 'Pass --server http://127.0.0.1:8100, or set EVERTRAIN_MODEL_SERVER.',
  });
}
