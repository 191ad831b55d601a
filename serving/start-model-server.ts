import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import type { ArtifactStore } from '../activities/sdk/ports.js';
import { EvertrainError } from '../workflows/sdk/errors.js';
import { loadOnnxRuntime } from './peers.js';
import type { Prediction } from './prediction.js';
import type { PredictionLogOptions } from './prediction-log/options.js';
import { PredictionLog } from './prediction-log/prediction-log.js';
import { ServedModels } from './served-models.js';
import { servingApp } from './serving-app.js';

/**
 * The model server answers predictions over the Open Inference Protocol (version 2, REST) from ONNX models in the
 * artifact store. It is told what to serve by deployments, which carry a growing revision, remembers them in
 * `<dataDir>/serving/deployments.json`, and swaps versions without dropping a request (see served-models.ts). During a
 * rollout a challenger takes a share of a model's requests (see split.ts), and both are counted. It has no user accounts:
 * keep it on loopback or a private network.
 */

export interface ModelServerOptions {
  /** The data folder; deployments are recorded below `serving/`. */
  readonly dataDir: string;
  /** Where deployed artifacts are read from. */
  readonly store: ArtifactStore;
  readonly host?: string;
  /** 0 takes a free port. */
  readonly port?: number;
  readonly log?: (message: string) => void;
  /** Most rows that requests are joined to in one computation; 1 switches batching off. Default 64. */
  readonly maxBatch?: number;
  /** Most requests that wait for one version or are being computed by it; more are answered 503. Default 1,000. */
  readonly maxWaiting?: number;
  /**
   * Bytes of ONNX files to keep loaded. Beyond, the models that were asked longest ago are unloaded, and loaded again at
   * their next request. Default: no limit.
   */
  readonly maxModelBytes?: number;
  /** Told of each computed request, after its answer; what it throws is logged. */
  readonly observe?: (prediction: Prediction) => void;
  /** How predictions are logged below `serving/predictions`; false: not at all, and no feedback is taken. */
  readonly predictionLog?: PredictionLogOptions | false;
  /** Largest request body in bytes. Default 16 MiB. */
  readonly maxBodyBytes?: number;
}

export interface ModelServer {
  /** For example `http://127.0.0.1:8100`. */
  readonly address: string;
  /** Ends when the recorded deployments are loaded, or reported as failed. Until then their models answer 503. */
  readonly ready: Promise<void>;
  /** Takes no new connections, answers what is in flight, releases the models. */
  close(): Promise<void>;
}

/** SYSTEM_PORT_IN_USE, SYSTEM_PEER_MISSING without onnxruntime-node, SYSTEM_FAILED when the record is damaged. */
export async function startModelServer(options: ModelServerOptions): Promise<ModelServer> {
  const { dataDir, store, host = '127.0.0.1', port = 0, log = () => {} } = options;
  const maxBatch = positive('maxBatch', options.maxBatch ?? 64);
  const maxWaiting = positive('maxWaiting', options.maxWaiting ?? 1_000);
  const { maxModelBytes } = options;
  if (maxModelBytes !== undefined) positive('maxModelBytes', maxModelBytes);
  const maxBodyBytes = positive('maxBodyBytes', options.maxBodyBytes ?? 16 * 1024 * 1024);
  await loadOnnxRuntime();
  const predictions =
    options.predictionLog === false ? undefined : new PredictionLog({ dataDir, store, log }, options.predictionLog);
  const told = {
    observe: (prediction: Prediction): void => {
      predictions?.append(prediction);
      options.observe?.(prediction);
    },
    learn: predictions?.learn.bind(predictions),
  };
  const models = await ServedModels.open({ dataDir, store, maxBatch, maxWaiting, maxModelBytes, log, ...told });
  let closed: Promise<void> | undefined;
  const app = servingApp(models, { maxBodyBytes, log, closing: () => closed !== undefined, predictions });
  // A plain HTTP/1.1 server; the host process keeps its own global Request and Response.
  const server = createAdaptorServer({ fetch: app.fetch, overrideGlobalObjects: false }) as Server;
  await listen(server, host, port);
  const ready = models.reload();
  return {
    address: addressOf(server),
    ready,
    close: () =>
      (closed ??= stopListening(server)
        .then(() => ready)
        .then(() => models.close())
        .then(() => predictions?.close())),
  };
}

function positive(option: string, value: number): number {
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new EvertrainError('USER_OPTION_INVALID', `${option}: ${value} is not a positive integer.`, { value });
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      if (cause.code !== 'EADDRINUSE') {
        const what = `The model server cannot listen on ${host}, port ${port}: ${cause.message}.`;
        const remedy = 'Choose an address of this machine (0.0.0.0 for all) and a port that this user may open.';
        return reject(new EvertrainError('USER_OPTION_INVALID', what, { value: host, remedy, cause }));
      }
      reject(
        new EvertrainError(
          'SYSTEM_PORT_IN_USE',
          `Port ${port} on ${host} is in use, so the model server cannot start.`,
          {
            value: port,
            remedy: 'Stop the program that uses it, or choose another port (0 takes a free one).',
            cause,
          },
        ),
      );
    });
    server.listen(port, host, resolve);
  });
}

function addressOf(server: Server): string {
  const { address, family, port } = server.address() as AddressInfo;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}

/** Idle connections are closed at once and again while the busy ones finish: a kept-alive one would hold the server open. */
async function stopListening(server: Server): Promise<void> {
  const sweep = setInterval(() => server.closeIdleConnections(), 50);
  try {
    await new Promise<void>((resolve) => server.close(() => resolve()));
  } finally {
    clearInterval(sweep);
  }
}
