import { EvertrainError, show } from '../workflows/sdk/errors.js';
import { nonFinite } from './answer-check.js';
import { type Datatype, type DatatypeFacts as Facts, datatypeFacts, sizeOf, type Tensor } from './tensor.js';

/**
 * Tensor values in JSON, flat or nested, to typed storage and back. Nothing is allocated by a shape that a client claims:
 * the values are counted first, so `[1000000000, 1000000000]` costs nothing.
 */

/** Typed data of a tensor from its JSON `data`; USER_INPUT_INVALID naming the place (`where`), the value and what is expected. */
export function decodeTensor(datatype: Datatype, shape: readonly number[], data: unknown, where: string): Tensor {
  if (!Array.isArray(data))
    throw malformed(`${where}.data`, data, 'a list of values, flat in row-major order or nested');
  const nested = data.some(Array.isArray) && shape.length > 1;
  const flat: readonly unknown[] = nested ? flatten(data, shape, `${where}.data`) : data;
  const size = sizeOf(shape);
  if (flat.length !== size) {
    throw malformed(
      `${where}.shape`,
      shape,
      `${flat.length} values for the ${flat.length} in data; this shape has ${size}`,
    );
  }
  const facts = datatypeFacts(datatype);
  const check = checker(datatype, facts);
  const values = flat.map((value, i) => {
    const checked = check(value);
    if (checked === undefined) throw malformed(placeOf(where, shape, i, nested), value, expectation(datatype, facts));
    return checked;
  });
  return { datatype, shape, data: facts.pack(values) };
}

function flatten(data: readonly unknown[], shape: readonly number[], where: string): unknown[] {
  const flat: unknown[] = [];
  const walk = (level: unknown, depth: number, place: string): void => {
    if (!Array.isArray(level))
      throw malformed(place, level, `a list of ${shape[depth]} (axis ${depth} of shape [${shape.join()}])`);
    if (level.length !== shape[depth]) {
      throw malformed(
        place,
        level,
        `${shape[depth]} elements (axis ${depth} of shape [${shape.join()}]), not ${level.length}`,
      );
    }
    if (depth === shape.length - 1) for (const value of level) flat.push(value);
    else level.forEach((inner, i) => walk(inner, depth + 1, `${place}[${i}]`));
  };
  walk(data, 0, where);
  return flat;
}

/** `inputs[0].data[3][1]` for nested data, `inputs[0].data[13]` for flat. */
function placeOf(where: string, shape: readonly number[], index: number, nested: boolean): string {
  if (!nested) return `${where}.data[${index}]`;
  let rest = index;
  const steps: number[] = [];
  for (const length of shape.toReversed()) {
    steps.unshift(rest % length);
    rest = Math.floor(rest / length);
  }
  return `${where}.data[${steps.join('][')}]`;
}

type Check = (value: unknown) => number | bigint | string | undefined;

/** The value as its storage wants it, undefined when it does not belong. */
function checker(datatype: Datatype, facts: Facts): Check {
  switch (facts.kind) {
    case 'text':
      // The runtime would cut the text at a NUL without a word.
      return (value) => (typeof value === 'string' && !value.includes('\0') ? value : undefined);
    case 'boolean':
      return (value) => (typeof value === 'boolean' ? Number(value) : undefined);
    case 'float':
      return datatype === 'FP32' ? (value) => finite(value, Math.fround) : (value) => finite(value, Number);
    case 'integer':
      return integerChecker(facts);
  }
}

/** Out of range becomes infinite in the storage type, so it is refused like NaN. */
function finite(value: unknown, store: (n: number) => number): number | undefined {
  if (typeof value !== 'number' && typeof value !== 'bigint') return undefined;
  const number = Number(value);
  return Number.isFinite(store(number)) ? number : undefined;
}

function integerChecker({ onnx, min = 0n, max = 0n }: Facts): Check {
  if (onnx === 'int64' || onnx === 'uint64') {
    return (value) => {
      // A number beyond 2^53 would be rounded already; the parser hands long literals over as bigints.
      const big = typeof value === 'bigint' ? value : Number.isSafeInteger(value) ? BigInt(value as number) : undefined;
      return big !== undefined && big >= min && big <= max ? big : undefined;
    };
  }
  const [low, high] = [Number(min), Number(max)];
  return (value) =>
    Number.isInteger(value) && Number(value) >= low && Number(value) <= high ? Number(value) : undefined;
}

function expectation(datatype: Datatype, facts: Facts): string {
  switch (facts.kind) {
    case 'text':
      return 'a string without NUL characters (datatype BYTES)';
    case 'boolean':
      return 'true or false (datatype BOOL)';
    case 'float':
      return `a finite number in the range of ${datatype}`;
    case 'integer':
      return `an integer from ${facts.min} to ${facts.max} (datatype ${datatype})`;
  }
}

/** A refused request: which field, with which value, and what belongs there. */
export function malformed(field: string, value: unknown, expected: string): EvertrainError {
  return new EvertrainError('USER_INPUT_INVALID', `${field} is ${shown(value)}; expected ${expected}.`, { value });
}

function shown(value: unknown): string {
  if (value === undefined) return 'missing';
  return typeof value === 'bigint' || typeof value === 'number' ? String(value) : show(value);
}

/**
 * A tensor's values as a flat JSON list. 64-bit integers keep all their digits. NaN and infinity have no JSON form and
 * `null` would be a silent lie, so they are refused: USER_INPUT_INVALID naming the output and the row.
 */
export function encodeData(name: string, tensor: Tensor): string {
  const { data } = tensor;
  switch (datatypeFacts(tensor.datatype).kind) {
    case 'text':
      return JSON.stringify(data);
    case 'boolean':
      return `[${Array.from(data as Uint8Array, (v) => (v === 0 ? 'false' : 'true')).join(',')}]`;
    case 'integer':
      return `[${(data as Int32Array).join(',')}]`;
    case 'float': {
      const bad = nonFinite(tensor);
      if (bad < 0) return `[${(data as Float32Array).join(',')}]`;
      const row = Math.floor(bad / sizeOf(tensor.shape.slice(1)));
      throw new EvertrainError(
        'USER_INPUT_INVALID',
        `The model answers ${data[bad]} in ${name} for row ${row} of these inputs.`,
        {
          value: data[bad],
          remedy: 'JSON cannot carry it; send values from the range that the model was trained on.',
        },
      );
    }
  }
}
