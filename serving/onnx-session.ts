import type { InferenceSession, Tensor as OnnxTensor } from 'onnxruntime-node';
import { EvertrainError } from '../workflows/sdk/errors.js';
import { loadOnnxRuntime } from './peers.js';
import { type Datatype, datatypeFacts, datatypeOfOnnx, type Tensor, type TensorData } from './tensor.js';

/** One input or output of a model. `shape` has -1 where the length is free, and is empty when the model does not say. */
export interface TensorSpec {
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
}

/**
 * A loaded ONNX model with tensors in and out. The runtime computes on the calling thread with one thread of its own:
 * models of this kind take microseconds a row, and handing over to another thread costs more than that.
 */
export class OnnxSession {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly #session: InferenceSession;
  readonly #runtime: Runtime;

  private constructor(runtime: Runtime, session: InferenceSession) {
    this.#runtime = runtime;
    this.#session = session;
    this.inputs = session.inputMetadata.map((value) => specOf('input', value));
    this.outputs = session.outputMetadata.map((value) => specOf('output', value));
  }

  /** USER_DATA_MALFORMED when the bytes are no ONNX model, or one whose values are not tensors; SYSTEM_PEER_MISSING. */
  static async load(bytes: Uint8Array, what: string): Promise<OnnxSession> {
    const runtime = await loadOnnxRuntime();
    let session: InferenceSession;
    try {
      // Its own log would repeat on stderr, once more, what the thrown error says.
      session = await runtime.InferenceSession.create(bytes, {
        intraOpNumThreads: 1,
        interOpNumThreads: 1,
        logSeverityLevel: 4,
      });
    } catch (cause) {
      throw new EvertrainError('USER_DATA_MALFORMED', `${what} cannot be loaded: ${(cause as Error).message}.`, {
        remedy: 'Export the model to ONNX again, with an opset that the installed onnxruntime-node knows.',
        cause,
      });
    }
    try {
      return new OnnxSession(runtime, session);
    } catch (error) {
      await session.release();
      throw error;
    }
  }

  /** Runs all named inputs at once; USER_INPUT_INVALID when the model cannot compute with these values. */
  async run(inputs: ReadonlyMap<string, Tensor>, outputs: readonly string[]): Promise<Map<string, Tensor>> {
    const feeds: Record<string, OnnxTensor> = {};
    for (const [name, { datatype, shape, data }] of inputs) {
      // The runtime's constructor has an overload for each type; ours is checked already.
      const type = datatypeFacts(datatype).onnx as 'float32';
      feeds[name] = new this.#runtime.Tensor(type, data as Float32Array, shape);
    }
    let answers: InferenceSession.ReturnType;
    try {
      answers = await this.#session.run(feeds, outputs);
    } catch (cause) {
      throw new EvertrainError(
        'USER_INPUT_INVALID',
        `The model cannot compute with these inputs: ${(cause as Error).message}.`,
        {
          cause,
        },
      );
    }
    return new Map(outputs.map((name) => [name, toTensor(name, answers[name] as OnnxTensor)]));
  }

  release(): Promise<void> {
    return this.#session.release();
  }
}

type Runtime = Awaited<ReturnType<typeof loadOnnxRuntime>>;

function specOf(role: string, value: InferenceSession.ValueMetadata): TensorSpec {
  if (!value.isTensor) {
    throw new EvertrainError(
      'USER_DATA_MALFORMED',
      `The model's ${role} ${value.name} is a sequence or map, not a tensor.`,
      {
        value: value.name,
        remedy: 'Export a scikit-learn classifier with zipmap=False: to_onnx(model, X[:1], options={"zipmap": False}).',
      },
    );
  }
  const datatype = datatypeOfOnnx(value.type);
  if (datatype === undefined) {
    throw new EvertrainError(
      'USER_DATA_MALFORMED',
      `The model's ${role} ${value.name} is of type ${value.type}, which JSON cannot carry.`,
      {
        value: value.type,
        remedy: 'Cast it to float32 in the exported graph.',
      },
    );
  }
  return { name: value.name, datatype, shape: value.shape.map((d) => (typeof d === 'number' && d >= 0 ? d : -1)) };
}

function toTensor(name: string, value: OnnxTensor): Tensor {
  const datatype = datatypeOfOnnx(value.type);
  if (datatype === undefined) throw new EvertrainError('SYSTEM_FAILED', `Output ${name} came as ${value.type}.`);
  return { datatype, shape: value.dims, data: value.data as TensorData };
}
