import { built } from './built-tree.js';
import type { CliEnded } from './cli-process.js';
import { startChild } from './child-process.js';

export interface WarmCli {
  /** Runs `evertrain` with these words, when those before have ended. */
  call(...words: string[]): Promise<CliEnded>;
  close(): Promise<void>;
}

/**
 * One process that runs one command after the other, as a shell would run them in that folder: for many that are short,
 * where loading the client costs more than the command. What of a command is about its process (signals, what keeps it
 * alive, its environment) is for `evertrainCli`.
 */
export function warmCli(cwd: string): WarmCli {
  const child = startChild('warm-cli-process', { cwd: built(cwd) });
  let last: Promise<unknown> = Promise.resolve();
  return {
    call(...words) {
      const ended = last.then(() => {
        child.process.stdin?.write(`${JSON.stringify(words)}\n`);
        return child.next<CliEnded>();
      });
      last = ended.catch(() => undefined);
      return ended;
    },
    async close() {
      child.process.stdin?.end();
      await child.exited;
    },
  };
}
