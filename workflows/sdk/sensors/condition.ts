import type { Artifact } from '../artifact.js';
import type { Database, HttpConnection } from '../connections/connection.js';
import type { SqlParam } from '../connections/sql-text.js';

declare const facts: unique symbol;

/**
 * What a sensor waits for: plain data, made by `objectExists`, `prefixHasNews`, `sqlReturnsRows`, `httpAnswers`, `runEnded`
 * or `timeIs`. `Facts` is what the sensor answers when it holds.
 */
export type Condition<Facts = unknown> = ConditionData & { readonly [facts]?: Facts };

/** `words` say it to people. */
export type ConditionData = { readonly words: string } & (
  | ObjectCondition
  | NewsCondition
  | SqlCondition
  | HttpCondition
  | RunCondition
  | TimeCondition
);

/** Where an object or prefix is looked for; `uri` is `<scheme>://…`. */
export interface ObjectCondition {
  readonly kind: 'object';
  readonly uri: string;
  readonly unchangedForMs?: number;
}

export interface NewsCondition {
  readonly kind: 'news';
  /** Ends with `/`. */
  readonly uri: string;
  /** A regular expression for the rest of an object's uri. */
  readonly pattern?: string;
  readonly since?: Artifact;
  readonly unchangedForMs?: number;
}

export interface SqlCondition {
  readonly kind: 'sql';
  readonly database: Database;
  readonly query: string;
  readonly params?: readonly SqlParam[];
}

export interface HttpCondition {
  readonly kind: 'http';
  readonly server: string | HttpConnection;
  /** What is appended to the server's URL, encoded. */
  readonly place?: string;
  readonly method?: 'GET' | 'HEAD' | 'POST';
  readonly body?: unknown;
  /** Default: 200 to 299. */
  readonly status?: readonly number[];
  readonly json?: JsonCheck;
}

/** What the JSON of an answer must hold. */
export interface JsonCheck {
  /** Fields and indexes, for example `jobs[0].state`. */
  readonly path: string;
  /** Without it and `atLeast`: anything but `null`, `false` and nothing. */
  readonly equals?: string | number | boolean;
  readonly atLeast?: number;
}

export interface RunCondition {
  readonly kind: 'run';
  readonly workflowId: string;
  readonly outcome?: RunEnd;
}

export type RunEnd = 'completed' | 'rejected' | 'failed' | 'cancelled' | 'terminated' | 'timed-out';

export interface TimeCondition {
  readonly kind: 'time';
  /** ISO 8601. */
  readonly at: string;
}

/** An object as a sensor saw it. */
export interface ObjectFacts {
  readonly uri: string;
  readonly sizeBytes: number;
  /** ISO 8601. */
  readonly modifiedAt: string;
  /** Where the store has one (S3). */
  readonly etag?: string;
}

export interface NewsFacts {
  /** What is new or changed; at most 500, oldest first. */
  readonly objects: readonly ObjectFacts[];
  /** There are more, which the next look `since` this mark tells. */
  readonly more: boolean;
  /** What has been seen with these: the `since` of the next `prefixHasNews`. */
  readonly mark: Artifact;
}

export interface SqlFacts {
  /** The first 100. */
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  readonly more: boolean;
}

export interface HttpFacts {
  readonly status: number;
  /** What is at `json.path`. */
  readonly value?: unknown;
}

export interface RunFacts {
  readonly workflowId: string;
  readonly runId: string;
  readonly outcome: RunEnd;
  /** Of a run that completed. */
  readonly output?: unknown;
}

export interface TimeFacts {
  /** ISO 8601. */
  readonly at: string;
}

/** What a sensor's activity is given. */
export interface SensorRequest {
  readonly name: string;
  readonly condition: ConditionData;
  readonly everyMs: number;
  readonly backoff?: number;
  readonly maxEveryMs?: number;
  readonly timeoutMs?: number;
  readonly onTimeout?: 'skip';
}

/** What it answers; `met` is false only where `onTimeout` is `skip`. */
export type SensorAnswer = { readonly met: true; readonly facts: unknown } | { readonly met: false };
