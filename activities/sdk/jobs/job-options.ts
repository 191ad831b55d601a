import type { StepDefinition } from '../../../workflows/sdk/definitions.js';
import { EvertrainError, show } from '../../../workflows/sdk/errors.js';

/** What every runner takes. */
export interface JobOptions {
  /** Environment variables beside the worker's own. */
  readonly env?: Readonly<Record<string, string>>;
  /** From SIGTERM to SIGKILL when the step is cancelled; default 10,000. */
  readonly graceMs?: number;
}

export const jobOptionNames = ['env', 'graceMs'] as const;

/** USER_OPTION_INVALID for values that no process could be started with, and for a light step: a process is not light. */
export function checkJobOptions(owner: string, { policy }: StepDefinition, { env, graceMs }: JobOptions): void {
  if (policy.light) {
    const remedy = 'Remove `light`, or implement the step in Node.';
    throw invalid(owner, 'the step is light, and a process takes long to start', true, remedy);
  }
  if (graceMs !== undefined && !(graceMs >= 0 && graceMs < 2 ** 31)) {
    throw invalid(owner, `graceMs is ${show(graceMs)}`, graceMs, 'Use milliseconds, for example 10_000.');
  }
  for (const [name, value] of Object.entries(env ?? {})) {
    const isUsable = /^[^=\0]+$/.test(name) && typeof value === 'string' && !value.includes('\0');
    if (!isUsable) throw invalid(owner, `env has ${show(name)} = ${show(value)}`, value, 'Names and values are text.');
  }
}

/** The worker's own environment variables and these. */
export function jobEnvironment(
  more: Readonly<Record<string, string>>,
  defaults: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const own = Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return { ...defaults, ...Object.fromEntries(own), ...more };
}

/** Variables by which a job sees the GPUs of its slot and no others; none where its step asks for none. */
export function gpuVariables(gpus: readonly string[]): Record<string, string> {
  if (gpus.length === 0) return {};
  const names = gpus.join(',');
  // Without the order, CUDA counts the fastest GPU first, and nvidia-smi does not.
  return { CUDA_DEVICE_ORDER: 'PCI_BUS_ID', CUDA_VISIBLE_DEVICES: names, NVIDIA_VISIBLE_DEVICES: names };
}

/** In an order of their own, for digests and keys. */
export function sortedEntries(env: Readonly<Record<string, string>> = {}): [string, string][] {
  return Object.entries(env).sort(([a], [b]) => (a < b ? -1 : 1));
}

function invalid(owner: string, what: string, value: unknown, remedy: string): EvertrainError {
  return new EvertrainError('USER_OPTION_INVALID', `${owner}: ${what}.`, { value, remedy });
}
