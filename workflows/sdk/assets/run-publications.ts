import { CancellationScope, condition, patched, workflowInfo } from '@temporalio/workflow';
import { jsonDigest } from '../digest.js';
import { jsonLength } from '../json-size.js';
import { defined } from '../registry.js';
import type { Planned } from '../schedule/messages.js';
import type { AssetDefinition } from './asset.js';
import { type AssetMessage, assetMessages, type Publication } from './messages.js';
import { tellAsset } from './tell-asset.js';

/** In one message to an asset. */
const mostAtOnce = 200;
const mostOutputBytes = 4_000;

interface Published {
  readonly asset: AssetDefinition;
  readonly partition: string;
  readonly stepId: string;
  readonly output: unknown;
  readonly isCached: boolean;
  readonly planned: Planned | undefined;
  readonly pipeline: string;
}

/**
 * What a run publishes. An asset is told when the step's completion is in the history, so a kill in between is made up by
 * the replay. Neither the step nor the run waits for it, but for the end of the run.
 */
export class RunPublications {
  /** Asked at the beginning: a run that began before the project published anything goes on as it began. */
  private readonly isOn =
    defined.steps.some(({ publishes }) => publishes !== undefined) && patched('evertrain-publishes');
  private readonly outbox = new Map<AssetDefinition, Publication[]>();
  private isSending = false;

  publish({ asset, partition, stepId, output, isCached, planned, pipeline }: Published): void {
    if (!this.isOn) return;
    const { workflowId, runId, firstExecutionRunId } = workflowInfo();
    const digest = jsonDigest(output);
    const publication: Publication = {
      id: jsonDigest([firstExecutionRunId, stepId, partition, digest]),
      asset: asset.name,
      partition,
      digest,
      at: Date.now(),
      ...(isCached ? { isCached } : {}),
      by: { pipeline, workflowId, runId, stepId },
      ...(planned === undefined ? {} : { planned: datesOf(planned) }),
      ...(output === undefined || jsonLength(output) > mostOutputBytes ? {} : { output }),
    };
    this.outbox.set(asset, [...(this.outbox.get(asset) ?? []), publication]);
    if (this.isSending) return;
    this.isSending = true;
    void CancellationScope.nonCancellable(() => this.deliver());
  }

  /** Nothing may be published afterwards. */
  async close(): Promise<void> {
    if (this.isSending) await condition(() => !this.isSending);
  }

  private async deliver(): Promise<void> {
    // What is published in the same breath goes together.
    await Promise.resolve();
    for (let next = this.take(); next !== undefined; next = this.take()) {
      const { asset, publications } = next;
      const message: AssetMessage = { rules: asset.rules, publications };
      await tellAsset(asset.name, defined.projectName, assetMessages.published, message);
    }
    this.isSending = false;
  }

  private take() {
    for (const [asset, waiting] of this.outbox) {
      const publications = waiting.splice(0, mostAtOnce);
      if (waiting.length === 0) this.outbox.delete(asset);
      return { asset, publications };
    }
    return undefined;
  }
}

/** Without the schedule, which the runs that are started on it are not of. */
function datesOf({ date, interval }: Planned): NonNullable<Publication['planned']> {
  return { ...(date === undefined ? {} : { date }), ...(interval === undefined ? {} : { interval }) };
}
