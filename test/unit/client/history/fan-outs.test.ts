import { describe, expect, it } from 'vitest';
import { renderTree } from '../../../../client/cli/tree.js';
import { planRerun } from '../../../../client/history/plan-rerun.js';
import { projectRun } from '../../../../client/history/project-run.js';
import { fanOutWorkflowType } from '../../../../workflows/sdk/fan-out-messages.js';
import { memo, runMessages } from '../../../../workflows/sdk/protocol.js';
import { HistoryWriter, payloads } from '../support/events.js';

/** A run whose fan-out is cut into three chunks. */
class FanOutHistory extends HistoryWriter {
  constructor(options: object = {}) {
    super();
    this.started('p', {}, options).task();
    this.memo(memo.fanOut, { fanOut: 'prepare/fit', items: 43_500 });
  }

  chunk(range: string, values: unknown = range): number {
    return this.add('START_CHILD_WORKFLOW_EXECUTION_INITIATED', {
      startChildWorkflowExecutionInitiatedEventAttributes: {
        workflowId: `w/prepare/fit[${range}]`,
        workflowType: { name: fanOutWorkflowType },
        input: payloads({ values }),
      },
    });
  }

  report(from: number, ended: number, failed: number): this {
    const input = payloads({ fanOut: 'prepare/fit', from, ended, failed });
    this.add('WORKFLOW_EXECUTION_SIGNALED', {
      workflowExecutionSignaledEventAttributes: { signalName: runMessages.items, input },
    });
    return this;
  }

  completed(chunk: number, failed: number): this {
    this.add('CHILD_WORKFLOW_EXECUTION_COMPLETED', {
      childWorkflowExecutionCompletedEventAttributes: {
        initiatedEventId: chunk as never,
        result: payloads({ outcome: 'completed', output: { failed, bytes: 2, ends: [] } }),
      },
    });
    return this;
  }

  over(): this {
    this.add('WORKFLOW_EXECUTION_FAILED', { workflowExecutionFailedEventAttributes: { failure: { message: 'no' } } });
    return this;
  }
}

describe('a fan-out in chunks', () => {
  it('counts what ended chunks answered, and what open ones reported last', () => {
    const history = new FanOutHistory();
    const first = history.chunk('0-999');
    history.chunk('1000-42999');
    history.chunk('43000-43499');
    history.report(0, 500, 9).report(1_000, 21_000, 0).report(1_000, 42_000, 1).completed(first, 2);
    const view = projectRun(history);
    const runs = ['w/prepare/fit[1000-42999]', 'w/prepare/fit[43000-43499]'];
    expect(view.fanOuts).toEqual([
      { id: 'prepare/fit', items: 43_500, ended: 43_000, failed: 3, startedAt: 1_005_000, runs },
    ]);
    expect(view.signals).toEqual([]);
    const lines = renderTree(view, { color: false, width: 200 });
    expect(lines).toContain(`  ▸ prepare/fit 43,000 of 43,500 items, 3 failed  at work in ${runs.join(', ')}`);
  });

  it('is repeated by chunks: that of a named item, all of a named fan-out, and counts those that are handed over', () => {
    const history = new FanOutHistory();
    const [first, second] = [history.chunk('0-999'), history.chunk('1000-1999')];
    history.completed(first, 2).completed(second, 0).over();
    const again = (from: string) => planRerun({ history, from }).again;
    expect(again('prepare/fit[1999]/fit')).toEqual(['prepare/fit[1000-1999]']);
    expect(again('prepare/fit')).toEqual(['prepare/fit[0-999]', 'prepare/fit[1000-1999]']);
    expect(() => again('prepare/fit[2000]/fit')).toThrow('has no step');
    const { rerun } = planRerun({ history, from: 'prepare/fit[1000-1999]' });
    const next = new FanOutHistory({ rerun });
    next.memo(memo.reused, { stepId: 'prepare/fit[0-999]', step: fanOutWorkflowType });
    const view = projectRun(next);
    expect(view.fanOuts).toMatchObject([{ ended: 1_000, failed: 2, runs: [] }]);
    expect(renderTree(view, { color: false, width: 200 }).join()).not.toContain('[0-999]');
  });
});
