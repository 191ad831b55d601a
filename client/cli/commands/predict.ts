import type { Command } from 'commander';
import { predictBatch } from '../../../serving/predict-batch.js';

interface PredictOptions {
  readonly model: string;
  readonly output: string;
  readonly columns?: string;
}

export function configure(command: Command): void {
  command
    .requiredOption('--batch <input>', 'a CSV, Parquet or JSON file')
    .requiredOption('--model <file>', 'an ONNX file')
    .requiredOption('--output <file>', 'where rows with predictions go: .parquet, .csv or .json')
    .option('--columns <list>', 'feature columns in order; default: as the model says')
    .action(async ({ batch, model, output, columns }: PredictOptions & { batch: string }) => {
      const chosen = columns === undefined ? {} : { columns: columns.split(',') };
      const report = await predictBatch({ model, input: batch, output, ...chosen });
      process.stdout.write(`${report.rows} rows to ${output}\n`);
    });
}
