import { EvertrainError } from '../workflows/sdk/errors.js';

/** A tensor in memory: values row-major, as many as the product of `shape`. */
export interface Tensor {
  readonly datatype: Datatype;
  readonly shape: readonly number[];
  readonly data: TensorData;
}

export type TensorData =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array
  | readonly string[];

export interface DatatypeFacts {
  /** The runtime's word for it. */
  readonly onnx: string;
  readonly kind: 'float' | 'integer' | 'boolean' | 'text';
  /** Range of an integer type, both ends included. */
  readonly min?: bigint;
  readonly max?: bigint;
  /** Typed storage from checked values; 64-bit types take bigints, BOOL takes 0 and 1. */
  readonly pack: (values: readonly unknown[]) => TensorData;
}

const integer = (onnx: string, bits: number, signed: boolean, pack: DatatypeFacts['pack']): DatatypeFacts => ({
  onnx,
  kind: 'integer',
  min: signed ? -(2n ** BigInt(bits - 1)) : 0n,
  max: 2n ** BigInt(signed ? bits - 1 : bits) - 1n,
  pack,
});

/** The datatypes of the Open Inference Protocol that travel as JSON; FP16 and BF16 have no JSON form. */
export const datatypes = {
  FP32: { onnx: 'float32', kind: 'float', pack: (v) => Float32Array.from(v as number[]) },
  FP64: { onnx: 'float64', kind: 'float', pack: (v) => Float64Array.from(v as number[]) },
  INT8: integer('int8', 8, true, (v) => Int8Array.from(v as number[])),
  INT16: integer('int16', 16, true, (v) => Int16Array.from(v as number[])),
  INT32: integer('int32', 32, true, (v) => Int32Array.from(v as number[])),
  INT64: integer('int64', 64, true, (v) => BigInt64Array.from(v as bigint[])),
  UINT8: integer('uint8', 8, false, (v) => Uint8Array.from(v as number[])),
  UINT16: integer('uint16', 16, false, (v) => Uint16Array.from(v as number[])),
  UINT32: integer('uint32', 32, false, (v) => Uint32Array.from(v as number[])),
  UINT64: integer('uint64', 64, false, (v) => BigUint64Array.from(v as bigint[])),
  BOOL: { onnx: 'bool', kind: 'boolean', pack: (v) => Uint8Array.from(v as number[]) },
  BYTES: { onnx: 'string', kind: 'text', pack: (v) => v as readonly string[] },
} as const satisfies Record<string, DatatypeFacts>;

export type Datatype = keyof typeof datatypes;

export function datatypeFacts(datatype: Datatype): DatatypeFacts {
  return datatypes[datatype];
}

export function isDatatype(text: unknown): text is Datatype {
  return typeof text === 'string' && Object.hasOwn(datatypes, text);
}

/** The protocol's datatype for the runtime's; undefined for float16 and the like. */
export function datatypeOfOnnx(onnx: string): Datatype | undefined {
  return (Object.keys(datatypes) as Datatype[]).find((name) => datatypes[name].onnx === onnx);
}

/** Number of values in a tensor of this shape; 1 for a scalar. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, dimension) => product * dimension, 1);
}

/** Length of the first axis. */
export function rowsOf(tensor: Tensor): number {
  return tensor.shape[0] ?? 1;
}

/** Tensors of one datatype and equal shape after the first axis, joined along the first axis. */
export function concatRows(tensors: readonly Tensor[]): Tensor {
  const [first] = tensors;
  if (first === undefined) throw new EvertrainError('SYSTEM_FAILED', 'No tensors to join.');
  const rows = tensors.reduce((sum, tensor) => sum + rowsOf(tensor), 0);
  return { datatype: first.datatype, shape: [rows, ...first.shape.slice(1)], data: concatData(tensors, first) };
}

function concatData(tensors: readonly Tensor[], first: Tensor): TensorData {
  if (first.datatype === 'BYTES') return tensors.flatMap((tensor) => tensor.data as readonly string[]);
  const length = tensors.reduce((sum, tensor) => sum + tensor.data.length, 0);
  const Typed = first.data.constructor as new (length: number) => Float32Array;
  const data = new Typed(length);
  let at = 0;
  for (const tensor of tensors) {
    data.set(tensor.data as Float32Array, at);
    at += tensor.data.length;
  }
  return data;
}

/** `count` rows from row `from` on. */
export function sliceRows(tensor: Tensor, from: number, count: number): Tensor {
  const width = sizeOf(tensor.shape.slice(1));
  return {
    datatype: tensor.datatype,
    shape: [count, ...tensor.shape.slice(1)],
    data: tensor.data.slice(from * width, (from + count) * width),
  };
}

/**
 * The first difference between two tensors in words, undefined when they agree. Floats agree when they differ by at most
 * `tolerance × max(1, |expected|)`; everything else must be equal.
 */
export function difference(expected: Tensor, actual: Tensor, tolerance: number): string | undefined {
  if (expected.datatype !== actual.datatype) return `datatype ${actual.datatype} instead of ${expected.datatype}`;
  if (expected.shape.join() !== actual.shape.join())
    return `shape [${actual.shape.join()}] instead of [${expected.shape.join()}]`;
  const float = datatypes[expected.datatype].kind === 'float';
  for (let i = 0; i < expected.data.length; i++) {
    const [want, got] = [expected.data[i], actual.data[i]];
    if (want === got || (float && near(Number(want), Number(got), tolerance))) continue;
    return `${got} instead of ${want} at position ${i}`;
  }
  return undefined;
}

function near(want: number, got: number, tolerance: number): boolean {
  if (Number.isNaN(want) || Number.isNaN(got)) return Number.isNaN(want) && Number.isNaN(got);
  return Math.abs(want - got) <= tolerance * Math.max(1, Math.abs(want));
}
