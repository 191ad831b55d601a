export interface ApprovalRecord {
  /** Approval name, `#n` from the second of that name on. */
  readonly id: string;
  readonly name: string;
  readonly state: 'waiting' | 'answered' | 'timed-out' | 'kept';
  readonly facts?: unknown;
  readonly deadlineMs?: number;
  /** JSON schema of the answer, `{}` where it is not known; absent where the answer is `{ approved, comment? }`. */
  readonly answerSchema?: object;
  readonly answer?: unknown;
  /** Who answered, as the client said. */
  readonly actor?: string;
}

export interface ApprovalAnswer {
  readonly id: string;
  readonly answer: unknown;
  readonly actor?: string;
}
