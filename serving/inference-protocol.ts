import type { TensorSpec } from './onnx-session.js';
import type { ModelSignature } from './signature.js';
import { datatypes, isDatatype, type Tensor } from './tensor.js';
import { decodeTensor, encodeData, malformed } from './tensor-json.js';

/**
 * The JSON documents of the Open Inference Protocol, version 2: requests are checked against the model's own inputs
 * before anything is computed, so that a refusal names the field, its value and what is expected.
 */

export interface InferenceRequest {
  readonly id?: string;
  readonly inputs: ReadonlyMap<string, Tensor>;
  /** Names of the outputs to answer, in order. */
  readonly outputs: readonly string[];
}

/** USER_INPUT_INVALID for everything that does not fit the model. */
export function decodeRequest(body: unknown, model: ModelSignature): InferenceRequest {
  if (!isObject(body)) throw malformed('The request', body, 'a JSON object with "inputs"');
  const { id, inputs, outputs, parameters } = body;
  if (id !== undefined && typeof id !== 'string') throw malformed('id', id, 'a string');
  refuseExtensions('parameters', parameters, ['binary_data_output']);
  const decoded = decodeInputs(inputs, model.inputs);
  return { ...(id === undefined ? {} : { id }), inputs: decoded, outputs: selectOutputs(outputs, model.outputs) };
}

function decodeInputs(inputs: unknown, specs: readonly TensorSpec[]): Map<string, Tensor> {
  if (!Array.isArray(inputs)) throw malformed('inputs', inputs, `a list with ${namesOf(specs)}`);
  const decoded = new Map<string, Tensor>();
  inputs.forEach((input: unknown, i) => {
    if (!isObject(input)) throw malformed(`inputs[${i}]`, input, 'an object with name, shape, datatype and data');
    const spec = specs.find((s) => s.name === input['name']);
    if (spec === undefined)
      throw malformed(`inputs[${i}].name`, input['name'], `an input of this model: ${namesOf(specs)}`);
    if (decoded.has(spec.name)) throw malformed(`inputs[${i}].name`, spec.name, 'each input once');
    decoded.set(spec.name, decodeInput(input, spec, `inputs[${i}]`));
  });
  const missing = specs.find((spec) => !decoded.has(spec.name));
  if (missing) throw malformed(`Input ${missing.name}`, undefined, `all inputs of this model: ${namesOf(specs)}`);
  return decoded;
}

function decodeInput(input: Record<string, unknown>, spec: TensorSpec, where: string): Tensor {
  refuseExtensions(`${where}.parameters`, input['parameters'], ['binary_data_size']);
  const { datatype } = input;
  if (datatype !== spec.datatype) {
    const known = isDatatype(datatype) ? '' : ` (datatypes are ${Object.keys(datatypes).join(', ')})`;
    throw malformed(`${where}.datatype`, datatype, `${spec.datatype} for input ${spec.name}${known}`);
  }
  const shape = checkShape(input['shape'], spec, `${where}.shape`);
  return decodeTensor(spec.datatype, shape, input['data'], where);
}

function checkShape(shape: unknown, spec: TensorSpec, where: string): readonly number[] {
  const wanted = `[${spec.shape.map((d) => (d < 0 ? 'any' : d)).join()}]`;
  const dimension = (d: unknown): boolean => Number.isSafeInteger(d) && Number(d) >= 1;
  if (!Array.isArray(shape) || !shape.every(dimension)) {
    throw malformed(where, shape, `a list of integers of at least 1, ${wanted} for input ${spec.name}`);
  }
  // An empty shape in the model's file also means "not said", so it cannot be used to refuse anything.
  const fits = spec.shape.length === shape.length && spec.shape.every((d, axis) => d < 0 || d === shape[axis]);
  if (spec.shape.length > 0 && !fits) throw malformed(where, shape, `${wanted} for input ${spec.name}`);
  return shape as number[];
}

function selectOutputs(outputs: unknown, specs: readonly TensorSpec[]): string[] {
  if (outputs === undefined || (Array.isArray(outputs) && outputs.length === 0)) return specs.map((s) => s.name);
  if (!Array.isArray(outputs)) throw malformed('outputs', outputs, 'a list of objects with a name');
  const names = outputs.map((output: unknown, i) => {
    const name = isObject(output) ? output['name'] : undefined;
    if (!specs.some((s) => s.name === name)) {
      throw malformed(`outputs[${i}].name`, name, `an output of this model: ${namesOf(specs)}`);
    }
    refuseExtensions(`outputs[${i}].parameters`, (output as Record<string, unknown>)['parameters'], [
      'binary_data',
      'classification',
    ]);
    return name as string;
  });
  if (new Set(names).size < names.length) throw malformed('outputs', names, 'each output once');
  return names;
}

/** Extensions that change what the data means are refused, never ignored; other parameters are free by the protocol. */
function refuseExtensions(where: string, parameters: unknown, refused: readonly string[]): void {
  if (parameters === undefined) return;
  if (!isObject(parameters)) throw malformed(where, parameters, 'an object');
  for (const name of refused) {
    const value = parameters[name];
    if (value !== undefined && value !== false) {
      throw malformed(`${where}.${name}`, value, 'no such parameter: this server takes and gives tensors as JSON only');
    }
  }
}

export function encodeResponse(
  model: { readonly name: string; readonly version: string },
  id: string,
  outputs: ReadonlyMap<string, Tensor>,
): string {
  const head = JSON.stringify({ model_name: model.name, model_version: model.version, id });
  const tensors = Array.from(outputs, ([name, tensor]) => {
    const { datatype, shape } = tensor;
    return `${JSON.stringify({ name, datatype, shape }).slice(0, -1)},"data":${encodeData(name, tensor)}}`;
  });
  return `${head.slice(0, -1)},"outputs":[${tensors.join(',')}]}`;
}

/** The model metadata document; the first version is the one that is promoted. */
export function metadataOf(name: string, versions: readonly string[], model: ModelSignature): object {
  const tensors = (specs: readonly TensorSpec[]): object[] =>
    specs.map(({ name: tensor, datatype, shape }) => ({ name: tensor, datatype, shape }));
  return {
    name,
    versions,
    platform: 'onnx_onnxv1',
    inputs: tensors(model.inputs),
    outputs: tensors(model.outputs),
  };
}

function namesOf(specs: readonly TensorSpec[]): string {
  return specs.map((s) => s.name).join(', ');
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
