import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import type { ApprovalView } from '../../../history/run-view.js';
import { act } from '../api.js';
import { Action } from './action.js';
import { SchemaForm } from './schema-form.js';
import { useSession } from './session.js';
import { ValueView } from './value-view.js';
import { When } from './when.js';

const path = '/api/run/approve';

interface ApprovalCardProps {
  readonly run: { readonly workflowId: string; readonly runId: string };
  readonly approval: ApprovalView;
  /** Default: the approval's id. */
  readonly title?: ComponentChildren;
}

/** What a run asks people, with its facts, and their answer. */
export function ApprovalCard({ run, approval, title }: ApprovalCardProps) {
  const { isReadOnly } = useSession();
  const { answerSchema } = approval;
  const bodyOf = (answer: unknown) => ({ id: run.workflowId, run: run.runId, approval: approval.id, answer });
  return (
    <section class="approval" aria-label={`Approval ${approval.id}`}>
      <h2>{title ?? approval.id}</h2>
      <p class="muted">
        asked <When at={approval.askedAt} />
      </p>
      {/* What somebody decides on is not folded. */}
      {approval.facts !== undefined && <ValueView value={approval.facts} depth={-1} />}
      {answerSchema === undefined && <YesNo bodyOf={bodyOf} />}
      {answerSchema !== undefined && !isReadOnly && (
        <SchemaForm schema={answerSchema} whole="Answer" button="Answer" send={(answer) => act(path, bodyOf(answer))} />
      )}
    </section>
  );
}

function YesNo({ bodyOf }: { bodyOf: (answer: unknown) => object }) {
  const [comment, setComment] = useState('');
  const body = (approved: boolean) => bodyOf({ approved, ...(comment === '' ? {} : { comment }) });
  return (
    <div class="approval-answer">
      <input
        aria-label="Comment"
        placeholder="Comment (recorded)"
        value={comment}
        onInput={(event) => setComment(event.currentTarget.value)}
      />
      <Action name="Approve" isStrong path={path} body={body(true)} />
      <Action name="Reject" path={path} body={body(false)} />
    </div>
  );
}
