import { EvertrainError } from '../workflows/sdk/errors.js';

/** The heavy packages are optional peers: they are imported when first needed, with a clear word when they are missing. */

/** SYSTEM_PEER_MISSING when onnxruntime-node is not installed or does not fit this machine. */
export async function loadOnnxRuntime(): Promise<typeof import('onnxruntime-node')> {
  // Its installation downloads CUDA's files on Linux, hundreds of MB that the model server has no use for.
  const install = 'npm install onnxruntime-node --onnxruntime-node-install=skip';
  return peer('onnxruntime-node', 'Serving ONNX models', () => import('onnxruntime-node'), install);
}

/** SYSTEM_PEER_MISSING when @duckdb/node-api is not installed or does not fit this machine. */
export async function loadDuckDb(): Promise<typeof import('@duckdb/node-api')> {
  return peer('@duckdb/node-api', 'Reading and writing tables', () => import('@duckdb/node-api'));
}

/** Exported for its test: how a missing peer is told. */
export async function peer<T>(
  name: string,
  purpose: string,
  load: () => Promise<T>,
  install = `npm install ${name}`,
): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    throw new EvertrainError(
      'SYSTEM_PEER_MISSING',
      `${purpose} needs ${name}, which cannot be loaded: ${(cause as Error).message}.`,
      {
        value: name,
        remedy: `Run \`${install}\`.`,
        cause,
      },
    );
  }
}
