import type { Priority } from '../priority.js';
import type { Planned } from '../schedule/messages.js';

/** How an asset is cut: by dates of its runs, or by keys that its steps say. */
export type Partitions = 'hour' | 'day' | 'month' | 'key';

/** What the code declares of an asset; travels with each message, and the last one counts. */
export interface AssetRules {
  readonly description?: string;
  readonly partitions?: Partitions;
  readonly freshWithinMs?: number;
}

/** A step's result under the name of an asset. */
export interface Publication {
  /** The same when the run is reset; another one where the result is another one. */
  readonly id: string;
  readonly asset: string;
  /** Empty where the asset is not cut. */
  readonly partition: string;
  /** Of the output. */
  readonly digest: string;
  /** Epoch ms. */
  readonly at: number;
  /** The result was taken from the step cache. */
  readonly isCached?: true;
  readonly by: Publisher;
  readonly planned?: Pick<Planned, 'date' | 'interval'>;
  /** Left out where it is more than 4 KB of JSON. */
  readonly output?: unknown;
}

export interface Publisher {
  readonly pipeline: string;
  readonly workflowId: string;
  readonly runId: string;
  readonly stepId: string;
}

/** A publication as rules are told of it. */
export interface News extends Publication {
  /** The result differs from the one before it in the same partition. */
  readonly isChange: boolean;
}

/** An asset as a workflow. */
export const assetWorkflowType = 'evertrain.asset';

export function assetWorkflowId(asset: string, project: string | undefined): string {
  return project === undefined ? `asset/${asset}` : `asset@${project}/${asset}`;
}

/** Of the workflow id of an asset or rule. */
export function nameIn(workflowId: string): string {
  return workflowId.slice(workflowId.indexOf('/') + 1);
}

export const assetMessages = {
  /** Signal `AssetMessage` from a run. */
  published: 'evertrain.asset.published',
  /** Signal `AssetReader` from a rule: it wants to be told from now on. */
  reads: 'evertrain.asset.reads',
  /** Signal from a rule: it does not any more; its name. */
  leaves: 'evertrain.asset.leaves',
  /** Query: `AssetState`. */
  state: 'evertrain.asset.state',
} as const;

export interface AssetMessage {
  readonly rules: AssetRules;
  readonly publications: readonly Publication[];
}

export interface AssetReader {
  readonly rule: string;
  readonly workflowId: string;
  readonly pipeline: string;
}

/** First start argument of an asset's workflow; `state` is handed over when it continues as new. */
export interface AssetStart {
  readonly asset: string;
  readonly state?: AssetState;
}

export interface AssetState {
  readonly rules: AssetRules;
  /** Publications in all, repeats left out. */
  readonly published: number;
  /** The newest publication of each, without its output; the newest 1,000 partitions. */
  readonly partitions: Readonly<Record<string, PartitionState>>;
  /** Ids of the newest 1,000 publications. */
  readonly seen: readonly string[];
  /** By pipeline: the step that published last. */
  readonly producers: Readonly<Record<string, string>>;
  /** By rule. */
  readonly readers: Readonly<Record<string, AssetReader & { readonly untold: readonly News[] }>>;
  /** Time of the last publication when people were told that the asset is stale. */
  readonly toldStale?: number;
}

export interface PartitionState extends Pick<Publication, 'digest' | 'at' | 'by' | 'isCached'> {
  /** Publications of the partition, repeats left out. */
  readonly published: number;
}

/** A rule as a workflow: it starts a pipeline when assets have news. */
export const ruleWorkflowType = 'evertrain.asset-rule';

export function ruleWorkflowId(rule: string, project: string | undefined): string {
  return project === undefined ? `rule/${rule}` : `rule@${project}/${rule}`;
}

/** Memo key of a rule: its `RuleSettings`, to be read without a worker. */
export const ruleMemo = 'evertrain.rule';

export const ruleMessages = {
  /** Signal `RuleSettings`: the rule goes by these from now on. */
  settings: 'evertrain.rule.settings',
  /** Signal `News[]` from an asset. */
  news: 'evertrain.rule.news',
  /** Update `RulePause | null`: the rule starts nothing, and keeps what is new, until it is sent `null`. */
  pause: 'evertrain.rule.pause',
  /** Query: `RuleState`. */
  state: 'evertrain.rule.state',
} as const;

/** What the engine keeps of a declared rule. */
export interface RuleSettings {
  readonly rule: string;
  readonly project?: string;
  readonly description?: string;
  /** By name. */
  readonly pipeline: string;
  /** Whose pipeline it is, where the model is told of the news as data instead. */
  readonly model?: string;
  readonly on: 'all' | 'any';
  readonly assets: readonly string[];
  /** A run for each partition. */
  readonly isPartitioned?: true;
  readonly onlyChanged?: true;
  /** Runs at once, of different partitions. */
  readonly atMost: number;
  readonly seed?: number;
  readonly priority?: Priority;
}

/** First start argument of a rule's workflow; `state` is handed over when it continues as new. */
export interface RuleStart {
  readonly settings: RuleSettings;
  readonly state?: RuleState;
}

export interface RuleState {
  /** By people. */
  readonly paused?: RulePause;
  /** By partition; the empty one where the rule is not partitioned. */
  readonly lanes: Readonly<Record<string, Lane>>;
  /** Ids of the newest 1,000 publications that it was told of. */
  readonly seen: readonly string[];
  /** Runs that it has started, or batches that it has told of, in all. */
  readonly starts: number;
  /** The newest 20, oldest first. */
  readonly recent: readonly RuleRun[];
}

export interface RulePause {
  readonly reason: string;
}

export interface Lane {
  /** By asset: the newest publication that the rule knows. */
  readonly newest: Readonly<Record<string, Publication>>;
  /** Assets with a publication that no run has been started on. */
  readonly news: readonly string[];
  readonly open?: { readonly trigger: string; readonly workflowId: string };
}

export interface RuleRun {
  readonly partition: string;
  /** Of the run, unless none could be started, or of the model. */
  readonly workflowId: string;
  /** Epoch ms. */
  readonly at: number;
  /** Ids. */
  readonly publications: readonly string[];
  /** Why none was started. */
  readonly refused?: string;
}

/** Of a run: the rule that started it, and the publications that were the newest then. */
export interface StartedOn {
  readonly rule: string;
  readonly partition?: string;
  readonly news: readonly Pick<Publication, 'asset' | 'at' | 'by'>[];
}

/** What a worker is asked before a run of a rule is started. */
export interface RuleQuestion {
  readonly rule: string;
  readonly partition: string;
  /** In the order of the rule's assets. */
  readonly publications: readonly (Publication | null)[];
}

export type RuleInput = { readonly input?: unknown } | { readonly refused: string };
