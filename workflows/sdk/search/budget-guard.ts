import { z } from 'zod';
import { type Duration, durationMs } from '../duration.js';
import { EvertrainError, show } from '../errors.js';
import { checkOptions } from '../options.js';

/** What a study may use. A call of a trial begins only when what it may take is still there. */
export interface BudgetOptions {
  /** Trials begun. */
  readonly trials?: number;
  /** From the study's beginning. What is still at work then is stopped. */
  readonly time?: Duration;
  /** Of all calls together, from each call to its end: the wait for a worker counts too. */
  readonly compute?: Duration;
  /** In the unit of `price`. */
  readonly money?: number;
  /** Of an hour of one call, or of one on each queue. */
  readonly price?: number | Readonly<Record<string, number>>;
  /** What is set aside for a call before it begins; later the longest one so far, where that was longer. */
  readonly reserve?: Duration;
  /** At a limit: `stop` with the best so far (default), or `ask` a person for more. */
  readonly onLimit?: 'stop' | 'ask';
  /** How long a person has to answer. */
  readonly askWithin?: Duration;
}

/** In numbers. */
export interface Budget {
  readonly trials?: number;
  readonly timeMs?: number;
  readonly computeMs?: number;
  readonly money?: number;
  /** Per hour of the trial's queue. */
  readonly price: number;
  readonly reserveMs: number;
  readonly onLimit: 'stop' | 'ask';
  readonly askWithinMs?: number;
}

/** A person's answer: what is added to each limit; nothing ends the study. */
export const MoreBudget = z.lazy(() =>
  z.strictObject({
    trials: z.int().positive().optional(),
    hours: z.number().positive().optional(),
    computeHours: z.number().positive().optional(),
    money: z.number().positive().optional(),
  }),
);
export type MoreBudget = z.output<typeof MoreBudget>;

const fields = ['trials', 'time', 'compute', 'money', 'price', 'reserve', 'onLimit', 'askWithin'];

/** Checks the options where they are written; `queue` is the trial's. */
export function resolveBudget(owner: string, options: BudgetOptions, queue: string): Budget {
  const at = `${owner}: budget`;
  checkOptions(at, options, fields);
  const { trials, time, compute, money, price, reserve, onLimit = 'stop', askWithin } = options;
  if (trials !== undefined && !(Number.isInteger(trials) && trials >= 1))
    throw bad(`${at}.trials`, trials, 'a whole number from 1');
  if (money !== undefined && !(Number.isFinite(money) && money > 0))
    throw bad(`${at}.money`, money, 'a number above 0');
  if (onLimit !== 'stop' && onLimit !== 'ask') throw bad(`${at}.onLimit`, onLimit, '"stop" or "ask"');
  if ([trials, time, compute, money].every((limit) => limit === undefined)) {
    throw bad(at, options, 'at least one of trials, time, compute and money');
  }
  if ((compute !== undefined || money !== undefined) && reserve === undefined) {
    throw bad(`${at}.reserve`, reserve, 'about how long one call of a trial takes, beside `compute` or `money`');
  }
  const perHour = money === undefined ? 0 : priceOf(at, price, queue);
  const ms = (name: 'time' | 'compute' | 'reserve' | 'askWithin') =>
    durationMs(options[name] as Duration, `${at}.${name}`);
  const budget: Budget = {
    ...(trials === undefined ? {} : { trials }),
    ...(time === undefined ? {} : { timeMs: ms('time') }),
    ...(compute === undefined ? {} : { computeMs: ms('compute') }),
    ...(money === undefined ? {} : { money }),
    price: perHour,
    reserveMs: reserve === undefined ? 0 : ms('reserve'),
    onLimit,
    ...(askWithin === undefined ? {} : { askWithinMs: ms('askWithin') }),
  };
  if (new BudgetGuard(budget, 0).refusal(true, 0) === undefined) return budget;
  throw bad(`${at}.reserve`, reserve, 'less than the limits: no call could begin');
}

function priceOf(at: string, price: BudgetOptions['price'], queue: string): number {
  const found = typeof price === 'object' && price !== null ? price[queue] : price;
  if (typeof found === 'number' && Number.isFinite(found) && found > 0) return found;
  throw bad(`${at}.price`, price, `what an hour on queue "${queue}" costs, beside \`money\``);
}

function bad(what: string, value: unknown, wanted: string): EvertrainError {
  return new EvertrainError('USER_OPTION_INVALID', `${what} is ${show(value)}.`, { value, remedy: `Give ${wanted}.` });
}

/** Counts what the calls of a study take. What is open counts with what was set aside for it. */
export class BudgetGuard {
  begunTrials = 0;
  private openCalls = 0;
  private spentMs = 0;
  private longestMs = 0;
  private readonly more = { trials: 0, timeMs: 0, computeMs: 0, money: 0 };

  constructor(
    private readonly budget: Budget | undefined,
    private readonly startedAt: number,
  ) {}

  /** Why no further call may begin now; undefined when one may. */
  refusal(isNewTrial: boolean, now: number): string | undefined {
    const { budget, more } = this;
    if (budget === undefined) return undefined;
    const reserve = Math.max(budget.reserveMs, this.longestMs);
    const committedMs = this.spentMs + (this.openCalls + 1) * reserve;
    const used = isNewTrial ? this.trialsUsed() : undefined;
    if (used !== undefined) return used;
    const endsAt = this.endsAt();
    if (endsAt !== undefined && now >= endsAt) return 'its time is over';
    if (endsAt !== undefined && now + reserve > endsAt) return 'another call may last longer than its time';
    if (budget.computeMs !== undefined && committedMs > budget.computeMs + more.computeMs) {
      return `another call may exceed ${hours(budget.computeMs + more.computeMs)} of compute`;
    }
    if (budget.money !== undefined && this.price(committedMs) > budget.money + more.money) {
      return `another call may cost more than ${budget.money + more.money} in all`;
    }
    return undefined;
  }

  /** Why no new trial may begin, where the limit is their number. */
  trialsUsed(): string | undefined {
    const { budget, more, begunTrials } = this;
    if (budget?.trials === undefined || begunTrials < budget.trials + more.trials) return undefined;
    return `its ${budget.trials + more.trials} trials are used`;
  }

  /** When the time is over, by the run's clock. */
  endsAt(): number | undefined {
    const { budget, more } = this;
    return budget?.timeMs === undefined ? undefined : this.startedAt + budget.timeMs + more.timeMs;
  }

  began(isNewTrial: boolean): void {
    this.openCalls++;
    if (isNewTrial) this.begunTrials++;
  }

  /** The reservation gives way to what the call took; nothing, where it only repeated another's result. */
  ended(tookMs: number): void {
    this.openCalls--;
    this.spentMs += tookMs;
    this.longestMs = Math.max(this.longestMs, tookMs);
  }

  add({ trials = 0, hours: time = 0, computeHours = 0, money = 0 }: MoreBudget): void {
    this.more.trials += trials;
    this.more.timeMs += time * 3_600_000;
    this.more.computeMs += computeHours * 3_600_000;
    this.more.money += money;
  }

  spent(now: number): Readonly<Record<string, number>> {
    const seconds = (ms: number) => Math.round(ms / 100) / 10;
    return {
      trials: this.begunTrials,
      seconds: seconds(now - this.startedAt),
      computeSeconds: seconds(this.spentMs),
      ...(this.budget?.money === undefined ? {} : { money: Math.round(this.price(this.spentMs) * 100) / 100 }),
    };
  }

  private price(ms: number): number {
    return ((this.budget?.price ?? 0) * ms) / 3_600_000;
  }
}

function hours(ms: number): string {
  return `${Number((ms / 3_600_000).toPrecision(3))} h`;
}
