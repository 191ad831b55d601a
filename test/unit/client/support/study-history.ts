import { memo } from '../../../../workflows/sdk/protocol.js';
import type { StudyBegan, StudyEnded, StudyRecord, TrialEnded } from '../../../../workflows/sdk/search/study-record.js';
import { HistoryWriter } from './events.js';

export const began: StudyBegan = {
  study: 'search',
  event: 'began',
  objectives: [{ metric: 'accuracy', direction: 'maximize' }],
  trials: 8,
  atMost: 2,
  sampler: 'tpe(multivariate)',
  scheduler: 'asha(1 to 9, 1 of 3)',
  seed: 7,
  space: {
    depth: { kind: 'int', min: 1, max: 12 },
    learningRate: { kind: 'float', min: 0.0001, max: 1, log: true },
    kernel: { kind: 'categorical', values: ['rbf', 'linear'], when: { depth: [1, 2] } },
    folds: 5,
  },
};

export const artifact = {
  uri: `file:sha256/${'a'.repeat(64)}`,
  sha256: 'a'.repeat(64),
  sizeBytes: 9,
  mediaType: 'application/vnd.evertrain.study+json',
};

/** A history whose run has begun a study; more is written by `record` and the writer's own methods. */
export class StudyHistory extends HistoryWriter {
  constructor(beginning: Partial<StudyBegan> = {}) {
    super();
    this.started('tune');
    this.task();
    this.record({ ...began, ...beginning });
  }

  record(record: StudyRecord): this {
    this.memo(memo.study, record);
    return this;
  }

  trial(trial: number, rung: number, rest: Partial<TrialEnded>): this {
    const params = { depth: trial + 1, learningRate: 0.01 * (trial + 1), folds: 5 };
    const record: TrialEnded = {
      study: 'search',
      event: 'trial',
      trial,
      rung,
      budget: 3 ** rung,
      params,
      state: 'paused',
      seconds: 1.5,
      ...rest,
    };
    return this.record(record);
  }

  /** A trial that ended, one at its second rung, and a new one. */
  atWork(): this {
    this.done(this.step('search[1]/fit', { params: { depth: 2 } }, { groups: ['search'] }));
    this.step('search[0]@1/fit', { params: { depth: 1, learningRate: 0.03125 } }, { groups: ['search'] });
    this.step('search[6]/prepare/fit', { params: { depth: 7 } }, { groups: ['search', 'prepare'] });
    return this;
  }

  ended(rest: Omit<StudyEnded, 'study' | 'event'>): this {
    return this.record({ study: 'search', event: 'ended', ...rest });
  }
}

const killed = { code: 'SYSTEM_JOB_KILLED', message: 'The job was killed by SIGSEGV.\nIts last lines: …' };
const malformed = {
  code: 'USER_DATA_MALFORMED',
  message: 'row 3 has no label [USER_DATA_MALFORMED, see docs/errors.md#user_data_malformed]',
};

/** Eight trials: promoted, paused, failed, stopped, two at work, one of them at its second rung. */
export function ashaHistory(): StudyHistory {
  return new StudyHistory()
    .trial(0, 0, { values: [0.71], params: { depth: 1, learningRate: 0.03125, kernel: 'rbf', folds: 5 } })
    .trial(1, 0, { values: [0.8] })
    .trial(2, 0, { state: 'failed', failure: killed })
    .trial(1, 1, { values: [0.85] })
    .trial(3, 0, { state: 'failed', failure: malformed })
    .trial(4, 0, { state: 'failed', failure: killed })
    .trial(5, 0, { state: 'stopped', values: [0.5] })
    .trial(1, 2, { state: 'completed', values: [0.97413] })
    .atWork();
}
