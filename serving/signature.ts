import type { TensorSpec } from './onnx-session.js';

/** What a model takes and gives. */
export interface ModelSignature {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
}

/** What `next` takes or gives otherwise than `current`, in words; undefined when one can answer for the other. */
export function signatureDifference(current: ModelSignature, next: ModelSignature): string | undefined {
  return (
    specsDifference('input', current.inputs, next.inputs) ?? specsDifference('output', current.outputs, next.outputs)
  );
}

function specsDifference(
  role: string,
  current: readonly TensorSpec[],
  next: readonly TensorSpec[],
): string | undefined {
  const named = new Map(next.map((spec) => [spec.name, spec]));
  for (const spec of current) {
    const other = named.get(spec.name);
    if (other === undefined) return `it has no ${role} ${spec.name}`;
    if (shown(other) !== shown(spec)) return `its ${role} ${spec.name} is ${shown(other)}, not ${shown(spec)}`;
    named.delete(spec.name);
  }
  const [extra] = named.keys();
  return extra === undefined ? undefined : `it has the ${role} ${extra} besides`;
}

function shown({ datatype, shape }: TensorSpec): string {
  return `${datatype} [${shape.map((d) => (d < 0 ? 'any' : d)).join()}]`;
}
