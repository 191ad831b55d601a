import type { Project } from '../../workflows/sdk/project.js';
import type { RuleChange } from '../assets/plan-rules.js';
import type { Evertrain } from '../evertrain.js';
import type { ScheduleChange } from '../schedules/plan-schedules.js';

/** Makes the engine keep what starts runs by itself: schedules, and rules on assets. */
export async function applyAll(evertrain: Evertrain, project: Project, prune: boolean): Promise<ScheduleChange[]> {
  const schedules = await evertrain.schedules.apply(project, { prune });
  return [...schedules, ...asRules(await evertrain.assets.apply(project, { prune }))];
}

/** A rule may have a schedule's name. */
export function asRules(changes: readonly RuleChange[]): RuleChange[] {
  return changes.map((change) => ({ ...change, name: `rule ${change.name}` }));
}
