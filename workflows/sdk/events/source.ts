import type { Schema } from '../schema.js';
import type { Secret } from '../secret.js';

/** Something that happened elsewhere, as a rule sees it. */
export interface SourceEvent<T = unknown> {
  /** The same however often it is told: the run or batch that it leads to has its name from it. */
  readonly id: string;
  /** What it says: decoded by the source's schema, where it has one. */
  readonly data: T;
  /** Of a CloudEvent: its `type`. */
  readonly type?: string;
  /** When it came about, as its source says; epoch milliseconds. */
  readonly at?: number;
  /** Of a message in Kafka. */
  readonly key?: string;
}

declare const told: unique symbol;

/**
 * Where events come from: plain data, made by `webhook`, `objectCreated`, `kafkaTopic` or `postgresNotify`. `T` is what an
 * event of it says.
 */
export type EventSource<T = unknown> = SourceData & { readonly [told]?: T };

export type SourceData = WebhookSource | ObjectSource | KafkaSource | PostgresSource;

export interface WebhookSource {
  readonly kind: 'webhook';
  /** Begins with `/`; what is sent to `/hooks<path>` is of it. */
  readonly path: string;
  readonly schema?: Schema;
  /** Without it, senders show the token. */
  readonly signed?: { readonly by: Secret; readonly header: string };
}

export interface ObjectSource {
  readonly kind: 'object';
  /** `<scheme>://bucket/prefix/`. */
  readonly uri: string;
  /** A regular expression for the rest of an object's uri. */
  readonly pattern?: string;
  /** Without it, senders show the token. */
  readonly signedBy?: SnsSigner | PubSubSigner;
}

export interface SnsSigner {
  /** ARN of the topic whose messages are taken. */
  readonly snsTopic: string;
}

/** What a push subscription of Pub/Sub has its tokens made for. */
export interface PubSubSigner {
  /** Email of the service account. */
  readonly account: string;
  /** Default of Pub/Sub: the address that it sends to. */
  readonly audience: string;
}

export interface KafkaLogin {
  readonly user: string;
  readonly password: Secret;
  /** Default SCRAM-SHA-512. PLAIN sends the password itself, and needs TLS. */
  readonly mechanism?: KafkaMechanism;
}

export type KafkaMechanism = 'SCRAM-SHA-512' | 'SCRAM-SHA-256' | 'PLAIN';

export interface KafkaSource {
  readonly kind: 'kafka';
  readonly topic: string;
  /** `host:port` each. */
  readonly brokers: readonly string[];
  readonly group?: string;
  readonly schema?: Schema;
  readonly deadLetter: string;
  readonly tls?: boolean;
  readonly login?: KafkaLogin;
}

export interface PostgresSource {
  readonly kind: 'postgres';
  readonly channel: string;
  readonly database: string | Secret;
  readonly catchUp?: string;
  readonly schema?: Schema;
}
