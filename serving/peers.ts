import { EvertrainError } from '../workflows/sdk/errors.js';

/** The heavy packages are optional peers: they are imported when first needed, with a clear word when they are missing. */

/** SYSTEM_PEER_MISSING when onnxruntime-node is not installed or does not fit this machine. */
export async function loadOnnxRuntime(): Promise<typeof import('onnxruntime-node')> {
  return peer('onnxruntime-node', 'Serving ONNX models', () => import('onnxruntime-node'));
}

/** SYSTEM_PEER_MISSING when @duckdb/node-api is not installed or does not fit this machine. */
export async function loadDuckDb(): Promise<typeof import('@duckdb/node-api')> {
  return peer('@duckdb/node-api', 'Reading and writing tables', () => import('@duckdb/node-api'));
}

/** Exported for its test: how a missing peer is told. */
export async function peer<T>(name: string, purpose: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    throw new EvertrainError(
      'SYSTEM_PEER_MISSING',
      `${purpose} needs ${name}, which cannot be loaded: ${(cause as Error).message}.`,
      {
        value: name,
        remedy: `Run \`npm install ${name}\`.`,
        cause,
      },
    );
  }
}
