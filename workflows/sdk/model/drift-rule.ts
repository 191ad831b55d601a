import { type Duration, durationMs } from '../duration.js';
import { checkOptions, invalidOption } from '../options.js';
import { decode } from '../schema.js';
import { DriftRules } from './drift.js';

/** How what is asked of the served model is compared with what its champion was trained on. */
export interface DriftRule {
  /** How often. */
  readonly every: Duration;
  /** The requests of how long; default those since the last check (`every`). */
  readonly window?: Duration;
  /** What counts as drift. */
  readonly rules?: DriftRules;
  /** Whether drift starts a training on the data that the model has; default true. */
  readonly retrain?: boolean;
  /** After a training that drift has started, for so long it starts no other one; default a day. */
  readonly coolDown?: Duration;
}

/** The rule in milliseconds and with its defaults. */
export interface DriftTerms {
  readonly everyMs: number;
  readonly windowMs: number;
  readonly rules: DriftRules;
  readonly retrains: boolean;
  readonly coolDownMs: number;
}

/** Refuses a rule that cannot be kept: USER_OPTION_INVALID with the field. */
export function driftTerms(owner: string, rule: DriftRule): DriftTerms {
  checkOptions(`${owner}: drift`, rule, ['every', 'window', 'rules', 'retrain', 'coolDown']);
  const { every, window = every, rules = {}, retrain = true, coolDown = '1 day' } = rule;
  if (typeof retrain !== 'boolean') {
    throw invalidOption(owner, 'drift.retrain', retrain, 'Use true or false.');
  }
  decode(DriftRules, rules, 'USER_OPTION_INVALID', `${owner}: drift.rules`);
  return {
    everyMs: durationMs(every, `${owner}: drift.every`),
    windowMs: durationMs(window, `${owner}: drift.window`),
    rules,
    retrains: retrain,
    coolDownMs: durationMs(coolDown, `${owner}: drift.coolDown`),
  };
}
