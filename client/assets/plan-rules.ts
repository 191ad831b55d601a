import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import {
  nameIn,
  ruleMemo,
  ruleWorkflowId,
  ruleWorkflowType,
  type RuleSettings,
} from '../../workflows/sdk/assets/messages.js';
import type { Project } from '../../workflows/sdk/project.js';
import { differencesOf, type ScheduleChange } from '../schedules/plan-schedules.js';

/** As of a schedule; by the rule's name. */
export type RuleChange = ScheduleChange;

export type DeclaredRules = Pick<Project, 'rules' | 'projectName'>;

/** A rule that the engine keeps. */
export interface KeptRule {
  readonly workflowId: string;
  readonly settings: RuleSettings;
}

/** The settings that the engine is to keep of each declared rule. */
export function declaredSettings({ rules, projectName: project }: DeclaredRules): RuleSettings[] {
  return rules.map(({ settings }) => ({ ...settings, ...(project === undefined ? {} : { project }) }));
}

/** How the rules that a project declares differ from those that the engine keeps; by name. */
export async function planRules(client: Client, declared: DeclaredRules, prune: boolean): Promise<RuleChange[]> {
  const settings = declaredSettings(declared);
  const changes: RuleChange[] = [];
  for (const one of settings) {
    const kept = await keptRule(client, ruleWorkflowId(one.rule, one.project));
    const differences = kept === undefined ? [] : differencesOf({ ...kept }, { ...one });
    if (kept === undefined) changes.push({ kind: 'created', name: one.rule });
    else if (differences.length === 0) changes.push({ kind: 'unchanged', name: one.rule });
    else changes.push({ kind: 'changed', name: one.rule, differences });
  }
  const project = declared.projectName;
  for (const { workflowId, settings: kept } of await keptRules(client)) {
    const isDeclared = settings.some((one) => ruleWorkflowId(one.rule, one.project) === workflowId);
    if (isDeclared || kept.project !== project) continue;
    changes.push({ kind: project !== undefined || prune ? 'deleted' : 'left', name: kept.rule });
  }
  return changes.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** As the engine's index has them; it may lag a moment behind. */
export async function keptRules({ workflow }: Client): Promise<KeptRule[]> {
  const rules: KeptRule[] = [];
  const query = `WorkflowType = '${ruleWorkflowType}' AND ExecutionStatus = 'Running'`;
  for await (const { workflowId, memo } of workflow.list({ query })) {
    const settings = memo?.[ruleMemo] as RuleSettings | undefined;
    if (settings?.rule === nameIn(workflowId)) rules.push({ workflowId, settings });
  }
  return rules;
}

async function keptRule({ workflow }: Client, workflowId: string): Promise<RuleSettings | undefined> {
  try {
    const { status, memo } = await workflow.getHandle(workflowId).describe();
    return status.name === 'RUNNING' ? (memo?.[ruleMemo] as RuleSettings | undefined) : undefined;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}
