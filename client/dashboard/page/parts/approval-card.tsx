import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import type { ApprovalView } from '../../../history/run-view.js';
import { Action } from './action.js';
import { ValueView } from './value-view.js';
import { When } from './when.js';

interface ApprovalCardProps {
  readonly run: { readonly workflowId: string; readonly runId: string };
  readonly approval: ApprovalView;
  /** Default: the approval's id. */
  readonly title?: ComponentChildren;
}

/** What a run asks people, with its facts, and their answer. */
export function ApprovalCard({ run: { workflowId: id, runId: run }, approval, title }: ApprovalCardProps) {
  const [comment, setComment] = useState('');
  const answer = (approved: boolean) => ({ approved, ...(comment === '' ? {} : { comment }) });
  const body = (approved: boolean) => ({ id, run, approval: approval.id, answer: answer(approved) });
  return (
    <section class="approval" aria-label={`Approval ${approval.id}`}>
      <h2>{title ?? approval.id}</h2>
      <p class="muted">
        asked <When at={approval.askedAt} />
      </p>
      {/* What somebody decides on is not folded. */}
      {approval.facts !== undefined && <ValueView value={approval.facts} depth={-1} />}
      <div class="approval-answer">
        <input
          aria-label="Comment"
          placeholder="Comment (recorded)"
          value={comment}
          onInput={(event) => setComment(event.currentTarget.value)}
        />
        <Action name="Approve" isStrong path="/api/run/approve" body={body(true)} />
        <Action name="Reject" path="/api/run/approve" body={body(false)} />
      </div>
    </section>
  );
}
