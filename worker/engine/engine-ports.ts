import { createServer } from 'node:net';
import { EvertrainError } from '../../workflows/sdk/errors.js';

export const loopback = '127.0.0.1';

/**
 * A free loopback port: the `explicit` one or SYSTEM_PORT_IN_USE, else the `previous` one when it is free, else any.
 * `option` names the explicit one in errors.
 */
export async function choosePort(options: {
  readonly option: string;
  readonly explicit: number | undefined;
  readonly previous: number | undefined;
}): Promise<number> {
  const { option, explicit, previous } = options;
  if (explicit !== undefined) {
    if (!Number.isInteger(explicit) || explicit < 1 || explicit > 65_535) {
      throw new EvertrainError('USER_OPTION_INVALID', `${option}: ${explicit} is not a port.`, {
        value: explicit,
        remedy: 'Write a whole number from 1 to 65535, or leave it out for a free one.',
      });
    }
    if ((await bind(explicit)) === undefined) throw portInUse(option, explicit);
    return explicit;
  }
  const kept = previous === undefined ? undefined : await bind(previous);
  const port = kept ?? (await bind(0));
  if (port === undefined) throw new EvertrainError('SYSTEM_FAILED', `No free port on ${loopback}.`);
  return port;
}

export function portInUse(option: string, port: number): EvertrainError {
  return new EvertrainError('SYSTEM_PORT_IN_USE', `${option}: port ${port} on ${loopback} is in use.`, {
    value: port,
    remedy: 'Stop the program that uses it, choose another port, or leave the option out for a free one.',
  });
}

export async function isPortFree(port: number): Promise<boolean> {
  return (await bind(port)) !== undefined;
}

/** The port of `host:port` or of a URL. */
export function portOf(address: string | undefined): number | undefined {
  const port = Number(/:(\d+)\/?$/.exec(address ?? '')?.[1]);
  return Number.isInteger(port) ? port : undefined;
}

/** The port after a trial bind (0: any free one), or undefined when it cannot be bound. */
function bind(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen({ port, host: loopback, exclusive: true }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : undefined));
    });
  });
}
