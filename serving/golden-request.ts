import type { Servable } from '../workflows/sdk/model/deployment.js';
import { decodeRequest, isObject } from './inference-protocol.js';
import type { OnnxSession } from './onnx-session.js';
import { difference, isDatatype } from './tensor.js';
import { decodeTensor, malformed } from './tensor-json.js';

const defaultTolerance = 1e-5;

/**
 * Asks a loaded model the question whose answer the training side recorded. A reason in words when it cannot
 * answer or answers differently, undefined when all is well. Floats may differ by `tolerance × max(1, |expected|)`.
 */
export async function goldenProblem(session: OnnxSession, golden: Servable['golden']): Promise<string | undefined> {
  if (golden === undefined) return undefined;
  const tolerance = golden.tolerance ?? defaultTolerance;
  try {
    const request = decodeRequest(document(golden.request, 'inputs'), session);
    const answers = await session.run(request.inputs, request.outputs);
    for (const [i, output] of expectedOutputs(golden.response).entries()) {
      const actual = answers.get(output.name);
      if (actual === undefined) return `it has no output ${output.name}`;
      const expected = decodeTensor(output.datatype, output.shape, output.data, `outputs[${i}]`);
      const differs = difference(expected, actual, tolerance);
      if (differs) return `output ${output.name} has ${differs} (tolerance ${tolerance})`;
    }
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Both the whole protocol document and its list alone are taken. */
function document(value: unknown, key: 'inputs' | 'outputs'): unknown {
  return Array.isArray(value) ? { [key]: value } : value;
}

type Expected = { name: string; datatype: Parameters<typeof decodeTensor>[0]; shape: number[]; data: unknown };

function expectedOutputs(response: unknown): Expected[] {
  const outputs = (document(response, 'outputs') as { outputs?: unknown } | null)?.outputs;
  if (!Array.isArray(outputs) || outputs.length === 0) {
    throw malformed('The golden response', response, 'an object with a list of outputs');
  }
  return outputs.map((output: unknown, i) => {
    const sound = isObject(output) && isDatatype(output['datatype']) && Array.isArray(output['shape']);
    if (!sound)
      throw malformed(`The golden response's outputs[${i}]`, output, 'an object with name, datatype, shape and data');
    return output as unknown as Expected;
  });
}
