import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { openStorage } from '../../activities/sdk/storage.js';
import { startModelServer } from '../../serving/start-model-server.js';
import type { Deployment } from '../../workflows/sdk/model/deployment.js';
import { startChild } from './child-process.js';

/** A real model server behind a door that can be held shut, before a deployment or before its answer. */
export interface HeldModelServer {
  readonly address: string;
  /** The server itself, whose doors are always open. */
  readonly behind: string;
  /** Versions that were deployed, in order; each as often as the server took it. */
  readonly deployed: readonly string[];
  /** Every deployment that was asked for, in order, and whether the server took it. */
  readonly asked: readonly Asked[];
  /** Holds the next deployment: `before` the server has it, or once it has it, its answer. */
  hold(moment: 'before' | 'after'): Promise<void>;
  release(): void;
  /** The deployments of a version as the promoted one are refused. */
  refuse(version: string | undefined): void;
  /** What it serves a model's version as. */
  served(model: string): Promise<string | undefined>;
  /** Kills the server, which must run in a process of its own, and starts it again on the same folder. */
  killAndRestart(): Promise<void>;
  close(): Promise<void>;
}

interface Asked {
  readonly version: string;
  readonly revision: number;
  /** Of a rollout. */
  readonly stage: number | undefined;
  readonly percent: number | undefined;
  readonly isTaken: boolean;
}

interface Server {
  readonly address: string;
  /** In a process of its own: by SIGKILL. */
  close(): Promise<void>;
}

async function inOwnProcess(dataDir: string): Promise<Server> {
  const child = startChild('model-server-child.ts', { dataDir });
  const { address } = await child.next<{ address: string }>();
  return { address, close: () => child.kill() };
}

export async function heldModelServer(dataDir: string, { isInOwnProcess = false } = {}): Promise<HeldModelServer> {
  let server: Server = isInOwnProcess
    ? await inOwnProcess(dataDir)
    : await startModelServer({ dataDir, store: openStorage(dataDir).store });
  const asked: Asked[] = [];
  let held: { readonly moment: 'before' | 'after'; readonly reached: () => void } | undefined;
  let letGo: () => void = () => undefined;
  let released = Promise.resolve();
  let refused: string | undefined;
  const isRefused = ({ method }: IncomingMessage, body: string) =>
    method === 'PUT' && (JSON.parse(body) as Deployment).version === refused;
  const wait = async (moment: 'before' | 'after') => {
    if (held?.moment !== moment) return;
    held.reached();
    await released;
  };
  const forward = async (request: IncomingMessage, response: ServerResponse) => {
    const body = await text(request);
    await wait('before');
    if (isRefused(request, body)) {
      const said = JSON.stringify({ error: 'refused on purpose', code: 'SYSTEM_DEPLOY_FAILED' });
      response.writeHead(422, { 'content-type': 'application/json' }).end(said);
      return;
    }
    const answer = await fetch(`${server.address}${request.url}`, {
      method: request.method ?? 'GET',
      headers: { 'content-type': 'application/json' },
      ...(body === '' ? {} : { body }),
    });
    if (request.method === 'PUT') {
      const { version, revision, stage, challenger } = JSON.parse(body) as Deployment;
      asked.push({ version, revision, stage, percent: challenger?.percent, isTaken: answer.ok });
    }
    const said = await answer.text();
    await wait('after');
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(said);
  };
  const door = createServer((request, response) => {
    forward(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((listening) => door.listen(0, '127.0.0.1', listening));
  return {
    address: `http://127.0.0.1:${(door.address() as AddressInfo).port}`,
    get behind() {
      return server.address;
    },
    asked,
    get deployed() {
      return asked.filter(({ isTaken }) => isTaken).map(({ version }) => version);
    },
    hold(moment) {
      released = new Promise((resolve) => {
        letGo = resolve;
      });
      return new Promise((reached) => {
        held = { moment, reached };
      });
    },
    release() {
      held = undefined;
      letGo();
    },
    refuse(version) {
      refused = version;
    },
    async served(model) {
      const answer = await fetch(`${server.address}/v2/models/${model}`);
      if (!answer.ok) return undefined;
      return ((await answer.json()) as { versions?: string[] }).versions?.[0];
    },
    async killAndRestart() {
      await server.close();
      server = await inOwnProcess(dataDir);
    },
    async close() {
      letGo();
      door.closeAllConnections();
      await new Promise((closed) => door.close(closed));
      await server.close();
    },
  };
}
