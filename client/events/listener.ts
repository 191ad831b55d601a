import type { SecretReader } from '../http/hooks.js';
import type { Evertrain } from '../evertrain.js';
import type { ModelRoom } from './model-room.js';

/** What listens to a source for one rule. */
export interface Listener {
  /** Rejects where listening makes no sense: a package is missing, a secret is not set. */
  readonly ended: Promise<void>;
  /** Lets what is under way end or be given up; nothing is lost. */
  stop(): Promise<void>;
}

export interface ListenerContext {
  readonly evertrain: Evertrain;
  readonly room: ModelRoom;
  readonly readSecret: SecretReader;
  readonly log: (line: string) => void;
  readonly forTests?:
    | {
        /** When the engine has recorded so many messages and the source has not been told yet. */
        readonly beforeCommit?: (messages: number) => Promise<void>;
        /** After which a consumer that is silent has left its group. */
        readonly sessionTimeoutMs?: number;
      }
    | undefined;
}
