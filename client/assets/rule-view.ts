import type { RulePause, RuleRun, RuleSettings, RuleState } from '../../workflows/sdk/assets/messages.js';

/** A rule as the engine keeps it. Times are epoch milliseconds. */
export interface RuleView {
  readonly name: string;
  readonly settings: RuleSettings;
  readonly paused?: RulePause;
  /** Runs that it has started, or batches that it has told a model of, in all. */
  readonly starts: number;
  /** The newest, oldest first; at most 20. */
  readonly recent: readonly RuleRun[];
  /** Partitions with news that nothing was started on; of a rule without partitions at most one. */
  readonly waiting: number;
}

export function ruleView(settings: RuleSettings, { paused, starts, recent, lanes }: RuleState): RuleView {
  return {
    name: settings.rule,
    settings,
    ...(paused === undefined ? {} : { paused }),
    starts,
    recent,
    waiting: Object.values(lanes).filter(({ news }) => news.length > 0).length,
  };
}
