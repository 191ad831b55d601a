import { approval } from '../approval.js';
import { called } from '../awaitable.js';
import type { RunScope } from '../run-scope.js';
import { BudgetGuard, MoreBudget } from './budget-guard.js';
import type { Leader, StudyPlan } from './study-plan.js';

interface Answers {
  /** There is more budget. */
  readonly more: () => void;
  /** The study ends, and what is at work with it. */
  readonly over: (reason: string) => void;
  readonly failed: (error: unknown) => void;
}

/** What a study does at its limits: it ends, or a person is asked for more. */
export class Limits {
  readonly guard: BudgetGuard;
  /** What people have added. */
  readonly added: MoreBudget[] = [];
  isAsking = false;

  constructor(
    private readonly plan: StudyPlan,
    private readonly scope: RunScope,
    startedAt: number,
    private readonly answers: Answers,
  ) {
    this.guard = new BudgetGuard(plan.budget, startedAt);
  }

  restore(added: readonly MoreBudget[]): void {
    for (const more of added) this.add(more);
  }

  /** Ends the study at its deadline; where a person may move that, what is at work goes on. */
  watchTime(): void {
    const endsAt = this.guard.endsAt();
    if (endsAt === undefined || this.plan.budget?.onLimit === 'ask') return;
    const { host } = this.scope;
    void called(() => host.wait(() => false, Math.max(0, endsAt - host.now()))).then(
      () => this.answers.over('its time is over'),
      () => undefined,
    );
  }

  /** Nothing is at work, and nothing more may begin. */
  reached(reason: string, best: Leader | undefined): void {
    if (this.plan.budget?.onLimit !== 'ask') {
      this.answers.over(reason);
      return;
    }
    this.isAsking = true;
    const facts = {
      study: this.plan.study,
      reason,
      spent: this.guard.spent(this.scope.host.now()),
      ...(best === undefined ? {} : { best: { trial: best.trial, params: best.params, values: best.values } }),
    };
    const within = this.plan.budget.askWithinMs;
    const options = { answer: MoreBudget, facts, onTimeout: {}, ...(within === undefined ? {} : { within }) };
    void called(() => approval(`${nameOf(this.plan.study)}: more budget?`, options)).then(
      (more) => {
        this.isAsking = false;
        if (Object.values(more).every((amount) => amount === undefined)) {
          this.answers.over(`${reason}, and nobody gave more`);
          return;
        }
        this.add(more);
        this.answers.more();
      },
      (error: unknown) => {
        this.isAsking = false;
        this.answers.failed(error);
      },
    );
  }

  private add(more: MoreBudget): void {
    this.added.push(more);
    this.guard.add(more);
  }
}

/** What is no part of an approval's name is in the id of a study in a group or fan-out item, or of the second of its name. */
function nameOf(study: string): string {
  return study.replaceAll(/[^A-Za-z0-9._-]+/g, '-').slice(0, 150);
}
