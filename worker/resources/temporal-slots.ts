import type { Context } from '@temporalio/activity';
import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import { rememberLease } from '../../activities/sdk/step-activity.js';
import type { Manifest } from '../manifest.js';
import { needsOf, type QueueSlots } from './queue-slots.js';

/** The slots of a queue as an option of its Temporal worker. */
export function activitySlots({ count, byResources }: QueueSlots) {
  if (byResources === undefined) return { maxConcurrentActivityTaskExecutions: count };
  // A tuner speaks of all kinds of tasks; on a queue of steps the others never come.
  const few = { type: 'fixed-size', numSlots: 2 } as const;
  const tuner = {
    activityTaskSlotSupplier: byResources,
    workflowTaskSlotSupplier: few,
    localActivityTaskSlotSupplier: few,
    nexusTaskSlotSupplier: few,
  };
  return { tuner };
}

/** Takes what a step needs before it begins. */
export function resourceKeeper({ byResources }: QueueSlots, manifest: Manifest): ActivityInterceptorsFactory[] {
  if (byResources === undefined) return [];
  const keeper = (context: Context): ReturnType<ActivityInterceptorsFactory> => ({
    inbound: {
      execute: (input, next) =>
        byResources.run(needsOf(manifest, context.info.activityType), context.cancellationSignal, (lease) => {
          rememberLease(context, lease);
          return next(input);
        }),
    },
  });
  return [keeper];
}
