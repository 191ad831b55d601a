import type { Command } from 'commander';
import { takeEvents, withEndpoint } from '../take-events.js';

export function configure(command: Command): void {
  withEndpoint(command).action((options: Parameters<typeof takeEvents>[1]) => takeEvents('http', options));
}
