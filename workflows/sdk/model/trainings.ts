import { ApplicationFailure, isCancellation } from '@temporalio/workflow';
import { EvertrainError, show } from '../errors.js';
import { failureText } from '../failures.js';
import type { RunOutcome } from '../protocol.js';
import type { RunOptions } from '../run-options.js';
import type { ModelBook } from './book.js';
import { givenBack, settled } from './data.js';
import type { TrainRequest } from './messages.js';
import type { ModelVersion } from './model-state.js';
import { settleTraining } from './state.js';
import { decode } from '../schema.js';

/** Trainings of a model: at most one at a time, each known by its trigger. */
export class ModelTrainings {
  constructor(private readonly book: ModelBook) {}

  /** Refuses what makes no training, or none now. */
  check(request: TrainRequest): void {
    const { definition, state } = this.book;
    if (typeof request?.trigger !== 'string' || !/^[A-Za-z0-9._:-]{1,100}$/.test(request.trigger)) {
      throw new EvertrainError('USER_OPTION_INVALID', `A training needs a trigger; got ${show(request?.trigger)}.`, {
        value: request?.trigger,
        remedy: 'Use 1 to 100 letters, digits, ".", "_", ":" or "-".',
      });
    }
    if (/^data-\d+$/.test(request.trigger)) {
      throw new EvertrainError('USER_OPTION_INVALID', `"${request.trigger}" is what data calls its trainings.`, {
        value: request.trigger,
        remedy: 'Use another trigger, or leave it out.',
      });
    }
    const { pipeline, name } = definition;
    decode(pipeline.input, request.input, 'USER_INPUT_INVALID', `the input of pipeline "${pipeline.name}"`);
    const busy = state.training;
    if (busy === undefined || busy.trigger === request.trigger) return;
    throw new EvertrainError('USER_RUN_EXISTS', `Model "${name}" is training already (${busy.trigger}).`, {
      value: busy.workflowId,
      remedy: 'Wait for that run, or cancel it.',
    });
  }

  /** The same trigger twice is one training. */
  async start(
    { trigger, input, options }: Omit<TrainRequest, 'options'> & { readonly options?: Omit<RunOptions, 'reportTo'> },
    data?: ModelVersion['data'],
  ): Promise<{ workflowId: string }> {
    const { book } = this;
    const earlier = book.state.trainings.find((one) => one.trigger === trigger) ?? book.state.training;
    if (earlier?.trigger === trigger) return { workflowId: earlier.workflowId };
    const { pipeline, name } = book.definition;
    const workflowId = `${pipeline.name}/${name}/${trigger}`;
    book.state = { ...book.state, training: { trigger, workflowId, ...(data === undefined ? {} : { data }) } };
    const rest = { input, summary: `training of model ${name}`, ...(options === undefined ? {} : { options }) };
    try {
      await book.children.start({ trigger, workflowId, pipeline: pipeline.name, ...rest });
    } catch (error) {
      if (isCancellation(error)) throw error;
      throw ApplicationFailure.nonRetryable(`The training could not start: ${failureText(error)}`, 'USER_RUN_EXISTS');
    }
    return { workflowId };
  }

  /** Answers the version that the training made, if any. */
  settle(outcome: RunOutcome): ModelVersion | undefined {
    const { book } = this;
    const { nextVersion, training } = book.state;
    book.state = settleTraining(book.state, outcome, new Date().toISOString());
    const isFailed = book.state.trainings.at(-1)?.outcome === 'failed';
    if (training?.isSuperseded && isFailed) book.changeData(givenBack);
    else settleData(book);
    return book.state.versions.find((one) => one.version === String(nextVersion));
  }
}

/** The batches of the training that has just ended, if it was data's; else none is in training. */
export function settleData(book: ModelBook): void {
  const { data, trainings } = book.state;
  const made = trainings.at(-1);
  if (data === undefined || made === undefined || data.inTraining.length === 0) return;
  book.state = { ...book.state, data: settled(data, made, Date.now()) };
}
