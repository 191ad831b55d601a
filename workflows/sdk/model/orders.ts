import { defineUpdate, setHandler } from '@temporalio/workflow';
import { EvertrainError } from '../errors.js';
import { refusing } from '../failures.js';
import type { ModelArchive } from './archive.js';
import type { ModelBook } from './book.js';
import { checkDrop, dropped, quarantinedBatch, released } from './data.js';
import type { ModelFeed } from './feed.js';
import { type BatchOrder, type ConfigureRequest, modelMessages, type PromoteRequest } from './messages.js';
import type { ModelOrder, ModelState } from './model-state.js';
import { noFunction } from './model.js';
import { checkPolicy, type ModelPolicy, policyFields } from './policy.js';
import type { ModelPromotions } from './promotions.js';
import type { ModelRollouts } from './rollouts.js';
import { beforeChampion, checkOrder, promotable, signature, withOrder } from './state.js';
import { checkOptions } from '../options.js';

interface Order<O extends ModelOrder> {
  /** Throws what the person should read; nothing is recorded then. */
  readonly check?: (order: O) => unknown;
  readonly carryOut: (order: O) => unknown;
}

interface ModelParts {
  readonly feed: ModelFeed;
  readonly promotions: ModelPromotions;
  readonly rollouts: ModelRollouts;
  readonly archive: ModelArchive;
}

/** What people order: each refused at once by its check, else noted with who gave it, carried out, and answered by the state. */
export function takeOrders(book: ModelBook, { feed, promotions, rollouts, archive }: ModelParts): void {
  const on = <O extends ModelOrder = ModelOrder>(update: string, { check, carryOut }: Order<O>) => {
    const handler = async (given: O | undefined): Promise<ModelState> => {
      const order = given ?? ({} as O);
      book.state = withOrder(book.state, update.slice('evertrain.model.'.length), order, new Date().toISOString());
      await carryOut(order);
      return book.state;
    };
    const validator = (given: O | undefined) =>
      refusing(() => {
        checkOrder(given);
        check?.(given ?? ({} as O));
      });
    setHandler(defineUpdate<ModelState, [O | undefined]>(update), handler, { validator });
  };
  const held = (id: unknown) => quarantinedBatch(book.state.name, book.state.data, id);

  on<PromoteRequest>(modelMessages.promote, {
    check: ({ version, now }) => {
      promotable(book.state, version);
      if (now !== true) rollouts.check(version);
    },
    carryOut: ({ version, now, ...by }) =>
      promotions.order({
        version: promotable(book.state, version),
        reason: `promoted ${byWhom(by)}`,
        isAtOnce: now === true,
      }),
  });
  on(modelMessages.rollback, {
    check: () => (book.state.rollout === undefined ? beforeChampion(book.state) : undefined),
    carryOut: (by) => {
      // What is being rolled out is what a person wants back first.
      if (book.state.rollout !== undefined) return rollouts.takeBackNow(byWhom(by));
      const reason = `rolled back to ${byWhom(by)}`;
      return promotions.order({ version: beforeChampion(book.state), reason, isRollback: true });
    },
  });
  on(modelMessages.pause, {
    carryOut: (order) => {
      book.state = { ...book.state, paused: { ...signature(order), at: new Date().toISOString() } };
    },
  });
  on(modelMessages.resume, {
    carryOut: () => {
      const { paused: _, ...rest } = book.state;
      book.state = rest;
    },
  });
  on(modelMessages.retrainNow, {
    check: () => feed.checkRetrainNow(),
    carryOut: () => feed.ask(),
  });
  on<BatchOrder>(modelMessages.releaseBatch, {
    check: ({ id }) => held(id),
    carryOut: ({ id }) => book.changeData((data) => released(data, held(id))),
  });
  on<BatchOrder>(modelMessages.dropBatch, {
    check: ({ id }) => checkDrop(book.state.name, book.state.data, id),
    carryOut: ({ id, ...by }) => book.changeData((data) => dropped(data, id, `dropped ${byWhom(by)}`, Date.now())),
  });
  on<ConfigureRequest>(modelMessages.configure, {
    check: ({ policy }) => configured(book, policy),
    carryOut: ({ policy }) => {
      book.state = { ...book.state, policy: configured(book, policy) };
      archive.tidy();
    },
  });
}

function byWhom({ actor, reason }: ModelOrder): string {
  return `by ${actor ?? 'a person'}${reason === undefined ? '' : `: ${reason}`}`;
}

function configured({ definition, policy }: ModelBook, change: Partial<ModelPolicy>): ModelPolicy {
  const owner = `model "${definition.name}"`;
  checkOptions(`${owner}: configure`, change, policyFields);
  const undeclared = (what: string, value: unknown) =>
    new EvertrainError('USER_OPTION_INVALID', `${owner} declares no \`${what}\` to configure.`, {
      value,
      remedy: `Declare \`${what}\` in model(), and deploy.`,
    });
  const { promotion: _, retention: _kept, quality, rollout, drift, ...data } = change;
  if (drift !== undefined && definition.runs.driftCheck === undefined) throw undeclared('drift', drift);
  if (rollout !== undefined && definition.runs.rollout === undefined) throw undeclared('rollout', rollout);
  if (quality !== undefined && definition.runs.batchCheck === undefined) throw undeclared('data.quality', quality);
  if (definition.data === undefined && Object.keys(data).length > 0) throw undeclared('data', data);
  if (change.window === 'custom' && definition.data?.choose === undefined) throw noFunction(owner);
  return checkPolicy(owner, { ...policy, ...change });
}
