import { workflowInfo } from '@temporalio/workflow';
import { EvertrainError } from './errors.js';
import { jsonLength } from './json-size.js';

const maxBytes = 1_000_000;

/**
 * Gates are decided without waiting, so all of them between two steps travel in one workflow task. A task of more than
 * 4 MB never arrives and the run would hang; one that writes more than its share fails instead.
 */
export class RecordBudget {
  /** History length at the beginning of the task. */
  private task = -1;
  private bytes = 0;

  spend(value: unknown): void {
    const { historyLength } = workflowInfo();
    if (historyLength !== this.task) this.bytes = 0;
    this.task = historyLength;
    this.bytes += jsonLength(value);
    if (this.bytes <= maxBytes) return;
    throw new EvertrainError(
      'USER_PAYLOAD_TOO_LARGE',
      `Gates, approvals and trials without a step between them have ${(this.bytes / 1e6).toFixed(1)} MB of facts.`,
      { value: this.bytes, remedy: 'Give them smaller facts, or decide them after the steps that they belong to.' },
    );
  }
}
