import type { Hono } from 'hono';
import { type Duration, durationMs } from '../../workflows/sdk/duration.js';
import { EvertrainError } from '../../workflows/sdk/errors.js';
import { type LogLevel, type LogQuery, logLevels } from '../log-query.js';
import type { DashboardContext } from './context.js';
import { given } from './list-options.js';
import { live } from './live.js';
import type { LogsMessage } from './shapes.js';

const mostLines = 1_000;
/** Of all who look: each takes two cores and reads the journal. */
const mostAtOnce = 2;
const withinMs = 60_000;

export function logRoutes(app: Hono, { reader }: DashboardContext): void {
  let atOnce = 0;
  app.get('/api/logs', (c) => {
    const { pipeline, model } = c.req.query();
    const query = queryOf(c.req.query());
    return live(c, async (send, gone) => {
      if (atOnce >= mostAtOnce) throw busy();
      atOnce += 1;
      const late = AbortSignal.timeout(withinMs);
      const of = { ...given('pipeline', pipeline), ...given('model', model) };
      const found = reader.search(query, { ...of, limit: mostLines, signal: AbortSignal.any([gone, late]) });
      let isFirst = true;
      try {
        for (let next = await found.next(); ; next = await found.next()) {
          if (next.done) return await send({ isCut: next.value.isCut, isLate: late.aborted } satisfies LogsMessage);
          if (next.value.length === 0) continue;
          await send({ lines: next.value, isFirst } satisfies LogsMessage);
          isFirst = false;
        }
      } finally {
        atOnce -= 1;
        await found.return({ isCut: true });
      }
    });
  });
}

/** What the address of the search says; what it does not understand is refused. */
function queryOf({ text, pattern, level, since, step }: Readonly<Record<string, string>>): LogQuery {
  return {
    ...given('text', text),
    ...given('pattern', pattern),
    ...given('stepId', step),
    ...given('level', levelOf(level)),
    ...(since === undefined || since === '' ? {} : { since: Date.now() - durationMs(since as Duration, 'since') }),
  };
}

function levelOf(text: string | undefined): LogLevel | undefined {
  if (text === undefined || text === '') return undefined;
  const level = logLevels.find((one) => one === text);
  if (level !== undefined) return level;
  throw new EvertrainError('USER_OPTION_INVALID', `logs: level is ${JSON.stringify(text)}.`, {
    value: text,
    remedy: `Use one of: ${logLevels.join(', ')}.`,
  });
}

function busy(): EvertrainError {
  return new EvertrainError('SYSTEM_FAILED', `${mostAtOnce} searches are under way.`, {
    remedy: 'Wait until one has ended.',
  });
}
