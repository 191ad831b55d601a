import type { Command } from 'commander';
import { defaultQueue } from '../../../workflows/sdk/protocol.js';
import type { Evertrain } from '../../evertrain.js';
import { modelSummaries } from '../../model-summaries.js';
import { type ConnectedOptions, connected, withConnection } from '../connected.js';
import { hasColor } from '../paint.js';
import { queuesOfProject } from '../project-files.js';
import { type Overview, topLines } from '../top-view.js';

interface TopCommandOptions extends ConnectedOptions {
  readonly json?: boolean;
}

const everyMs = 1_000;
const runsAtMost = 200;
/** The other screen of the terminal, without a cursor; and back. */
const enter = '\x1b[?1049h\x1b[?25l';
const leave = '\x1b[?25h\x1b[?1049l';
const home = '\x1b[H';
const clearLine = '\x1b[K';
const clearBelow = '\x1b[J';

export function configure(command: Command): void {
  withConnection(command).option('--json', 'once, as one JSON object').action(top);
}

/** Once into a pipe; on a terminal again each second, until q or Ctrl-C. */
async function top({ json, ...options }: TopCommandOptions): Promise<void> {
  const queueNames = await queuesOfProject(process.cwd()).catch(() => [defaultQueue]);
  await connected(options, async (evertrain) => {
    const { stdout, stdin } = process;
    if (json || !stdout.isTTY) {
      const overview = await look(evertrain, queueNames);
      const { POSITIVE_INFINITY } = Number;
      const plain = { color: false, width: POSITIVE_INFINITY, height: POSITIVE_INFINITY };
      stdout.write(`${json ? JSON.stringify(overview) : topLines(overview, plain).join('\n')}\n`);
      return;
    }
    const quit = untilQuit();
    stdout.write(enter);
    try {
      for (let isOver = false; !isOver; ) {
        const size = { color: hasColor(stdout), width: stdout.columns, height: stdout.rows - 1 };
        const lines = await look(evertrain, queueNames).then(
          (overview) => topLines(overview, size),
          (error: unknown) => [error instanceof Error ? error.message : String(error)],
        );
        stdout.write(home + lines.map((line) => `${line}${clearLine}`).join('\n') + clearBelow);
        isOver = await Promise.race([quit, new Promise<false>((next) => setTimeout(() => next(false), everyMs))]);
      }
    } finally {
      stdout.write(leave);
      stdin.setRawMode(false).pause();
    }
  });
}

async function look(evertrain: Evertrain, queueNames: readonly string[]): Promise<Overview> {
  const [runs, models, queues] = await Promise.all([
    evertrain.list({ limit: runsAtMost }),
    modelSummaries(evertrain),
    evertrain.queues(queueNames),
  ]);
  return { at: Date.now(), runs, models, queues };
}

/** In raw mode Ctrl-C is a key like any other. */
function untilQuit(): Promise<true> {
  return new Promise((over) => {
    process.stdin.setRawMode(true).on('data', (keys: Buffer) => {
      if (/[q\x03]/.test(keys.toString())) over(true);
    });
    process.once('SIGTERM', () => over(true));
  });
}
