/** The run of a study that is too large for the run that searches. */
export const studyWorkflowType = 'evertrain.study';

export interface TrialReport {
  readonly stepId: string;
  /** Epoch or iteration, as the step said it. */
  readonly at: number;
  readonly value: number;
}
