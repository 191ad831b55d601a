import { type Client, ScheduleNotFoundError } from '@temporalio/client';
import { jsonDigest } from '../../workflows/sdk/digest.js';
import { show } from '../../workflows/sdk/errors.js';
import type { Project } from '../../workflows/sdk/project.js';
import { scheduleId } from '../../workflows/sdk/schedule/messages.js';
import type { ScheduleRules } from '../../workflows/sdk/schedule/schedule.js';
import { type KeptRules, keptRules, scheduleNames } from './engine-schedule.js';

/** What `apply` does, or has done, about a schedule. */
export interface ScheduleChange {
  /** `left`: the engine keeps it, the project does not declare it, and it is not known to be the project's. */
  readonly kind: 'created' | 'changed' | 'deleted' | 'unchanged' | 'left';
  readonly name: string;
  /** Of a changed one: what differs, in words. */
  readonly differences?: readonly string[];
}

export interface ApplyOptions {
  /** Deletes what the project does not declare also where neither it nor the schedule has a project's name. */
  readonly prune?: boolean;
}

type Declared = Pick<Project, 'schedules' | 'projectName'>;

/** How what the project declares differs from what the engine keeps; by name. */
export async function planSchedules(
  client: Client,
  { schedules, projectName: project }: Declared,
  { prune = false }: ApplyOptions,
): Promise<ScheduleChange[]> {
  const changes: ScheduleChange[] = [];
  for (const { name, rules } of schedules) {
    const kept = await keptOf(client, name);
    if (kept === 'none') changes.push({ kind: 'created', name });
    else {
      const differences = ruleDifferences(kept, rules, project);
      changes.push(differences.length === 0 ? { kind: 'unchanged', name } : { kind: 'changed', name, differences });
    }
  }
  const known = new Set(schedules.map(({ name }) => name));
  for await (const name of scheduleNames(client)) {
    const kept = known.has(name) ? 'none' : await keptOf(client, name);
    if (kept === 'none' || kept?.project !== project) continue;
    changes.push({ kind: kept !== undefined && (project !== undefined || prune) ? 'deleted' : 'left', name });
  }
  return changes.sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function keptOf({ schedule }: Client, name: string): Promise<KeptRules | 'none' | undefined> {
  try {
    return keptRules(await schedule.getHandle(scheduleId(name)).describe());
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) return 'none';
    throw error;
  }
}

/** What the engine is to change, in words. */
export function ruleDifferences(
  kept: KeptRules | undefined,
  rules: ScheduleRules,
  project: string | undefined,
): readonly string[] {
  if (kept === undefined) return ['made by other means'];
  return differencesOf(fieldsOf(kept), fieldsOf({ ...rules, ...(project === undefined ? {} : { project }) }));
}

/** In words. */
export function differencesOf(before: Fields, after: Fields): string[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return names
    .filter((name) => jsonDigest(before[name]) !== jsonDigest(after[name]))
    .map((name) => `${name}: ${text(before[name])} → ${text(after[name])}`);
}

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf({ timing, ...rest }: KeptRules): Fields {
  return { ...rest, ...timing };
}

function text(value: unknown): string {
  return value === undefined ? 'none' : show(value);
}
