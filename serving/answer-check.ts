import type { TensorSpec } from './onnx-session.js';
import { datatypeFacts, rowsOf, sizeOf, type Tensor } from './tensor.js';

/** Index of the first number that JSON cannot carry (NaN, infinity); -1 where there is none. */
export function nonFinite({ datatype, data }: Tensor): number {
  if (datatypeFacts(datatype).kind !== 'float') return -1;
  const numbers = data as Float32Array;
  for (let i = 0; i < numbers.length; i++) if (!Number.isFinite(numbers[i])) return i;
  return -1;
}

/**
 * What is wrong with a model's answer, in words: another datatype or shape than it declares, or a number that is not
 * finite. Undefined when all is well.
 */
export function answerProblem(specs: readonly TensorSpec[], outputs: ReadonlyMap<string, Tensor>): string | undefined {
  for (const spec of specs) {
    const tensor = outputs.get(spec.name);
    if (tensor === undefined) continue;
    const { datatype, shape, data } = tensor;
    if (datatype !== spec.datatype || !fits(spec.shape, shape)) {
      const declared = `${spec.datatype} [${spec.shape.map((d) => (d < 0 ? 'any' : d)).join()}]`;
      return `output ${spec.name} is ${datatype} [${shape.join()}]; declared is ${declared}`;
    }
    const bad = nonFinite(tensor);
    if (bad >= 0) {
      const row = Math.floor(bad / sizeOf(shape.slice(1)));
      return `output ${spec.name} has ${String(data[bad])} in row ${row}`;
    }
  }
  return undefined;
}

/** An empty shape in the model's file means that it does not say. */
function fits(declared: readonly number[], shape: readonly number[]): boolean {
  if (declared.length === 0) return true;
  return declared.length === shape.length && declared.every((d, axis) => d < 0 || d === shape[axis]);
}

/**
 * The first output that has not one row for each row of the inputs, in words; undefined when all have. It says something
 * only of models that answer row by row, which their files do not tell.
 */
export function rowProblem(rows: number, outputs: ReadonlyMap<string, Tensor>): string | undefined {
  for (const [name, tensor] of outputs) {
    if (rowsOf(tensor) !== rows) return `output ${name} has ${rowsOf(tensor)} rows for ${rows} rows of inputs`;
  }
  return undefined;
}
