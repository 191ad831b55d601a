import type { Command } from 'commander';
import { exitSoon } from '../exit.js';
import { answerOf, type ProjectQuestion } from '../project-reader.js';

/** Answers the question that its parent sends, and ends. */
export function configure(command: Command): void {
  command.action(async () => {
    process.once('disconnect', () => process.exit(0));
    const question = await new Promise<ProjectQuestion>((resolve) => process.once('message', resolve));
    process.send?.(await answerOf(question));
    exitSoon();
  });
}
