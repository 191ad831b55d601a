import type { Prediction } from '../prediction.js';
import { sqlType } from '../feature-columns.js';
import { type Datatype, datatypeFacts, rowsOf, sizeOf, type Tensor } from '../tensor.js';
import type { Layout } from './layout.js';

/** How the requests of one version become lines. Made from the first of them, and used while the others have its form. */
export interface RowPlan {
  readonly layout: Layout;
  readonly inputs: readonly InputPlan[];
  /** Tensors of the request, to see whether another one has this form. */
  readonly form: readonly { readonly name: string; readonly datatype: Datatype; readonly width: number }[];
}

interface InputPlan {
  readonly tensor: string;
  readonly datatype: Datatype;
  readonly width: number;
  /** `"name":` for each of its features; undefined where the value is masked. One alone may stand for a list. */
  readonly keys: readonly (string | undefined)[];
  readonly isList: boolean;
}

export interface PlanOptions {
  /** Names of the features, where one input holds them all. */
  readonly features: readonly string[] | undefined;
  /** Features whose values are not written. */
  readonly mask: ReadonlySet<string>;
}

/** Values of one feature in a row; an image or an embedding beyond it is no feature that drift is seen in. */
const widest = 1_024;

export function planRows(prediction: Prediction, options: PlanOptions): RowPlan {
  const form = Array.from(prediction.inputs, ([name, tensor]) => ({
    name,
    datatype: tensor.datatype,
    width: widthOf(tensor),
  }));
  const taken = new Set<string>();
  const features: { name: string; type: string }[] = [];
  const inputs = form
    .filter(({ width }) => width <= widest)
    .map(({ name, datatype, width }): InputPlan => {
      const named = form.length === 1 && options.features?.length === width ? options.features : [name];
      const isList = named.length < width;
      const keys = named.map((feature, i) => {
        const column = free(feature || `feature_${i}`, taken);
        features.push({ name: column, type: `${sqlType(datatype)}${isList ? '[]' : ''}` });
        return options.mask.has(feature) ? undefined : `${JSON.stringify(column)}:`;
      });
      return { tensor: name, datatype, width, keys, isList };
    });
  const answer = prediction.outputs && predictionOf(prediction.outputs, requestRows(prediction));
  return { layout: { features, prediction: answer ? sqlType(answer.datatype) : 'VARCHAR' }, inputs, form };
}

export function fits({ form }: RowPlan, { inputs }: Prediction): boolean {
  if (form.length !== inputs.size) return false;
  return form.every(({ name, datatype, width }) => {
    const tensor = inputs.get(name);
    return tensor !== undefined && tensor.datatype === datatype && widthOf(tensor) === width;
  });
}

/** The type of its prediction; undefined where it has none. */
export function predictionType(prediction: Prediction): string | undefined {
  const answer = prediction.outputs && predictionOf(prediction.outputs, requestRows(prediction));
  return answer && sqlType(answer.datatype);
}

/** A name that no other column has; a struct's fields differ by more than case. */
function free(name: string, taken: Set<string>): string {
  const plain = wellFormed(name);
  let candidate = plain;
  for (let n = 2; taken.has(candidate.toLowerCase()); n++) candidate = `${plain}_${n}`;
  taken.add(candidate.toLowerCase());
  return candidate;
}

export function requestRows({ inputs }: Prediction): number {
  const first = inputs.values().next().value;
  return first === undefined ? 0 : rowsOf(first);
}

function widthOf(tensor: Tensor): number {
  return sizeOf(tensor.shape.slice(1));
}

const labelNames = ['label', 'output_label', 'variable'];
const probabilityNames = ['probabilities', 'output_probability'];

/** One value a row. */
function predictionOf(outputs: ReadonlyMap<string, Tensor>, rows: number): Tensor | undefined {
  return pick(outputs, labelNames, (tensor) => rowsOf(tensor) === rows && widthOf(tensor) === 1);
}

function probabilitiesOf(outputs: ReadonlyMap<string, Tensor>, rows: number): Tensor | undefined {
  return pick(outputs, probabilityNames, ({ datatype, shape }) => {
    const [count, classes = 0] = shape;
    const isTable = shape.length === 2 && count === rows && classes >= 2 && classes <= widest;
    return isTable && datatypeFacts(datatype).kind === 'float';
  });
}

function pick(
  outputs: ReadonlyMap<string, Tensor>,
  names: readonly string[],
  isFit: (tensor: Tensor) => boolean,
): Tensor | undefined {
  for (const name of names) {
    const tensor = outputs.get(name);
    if (tensor !== undefined && isFit(tensor)) return tensor;
  }
  for (const tensor of outputs.values()) if (isFit(tensor)) return tensor;
  return undefined;
}

/** The lines of a request, one a row; made one by one, so that a full buffer ends the work. */
export function* encodeRows(prediction: Prediction, plan: RowPlan, id: string): Generator<string> {
  const rows = requestRows(prediction);
  const { outputs, error } = prediction;
  const answer = outputs && predictionOf(outputs, rows);
  const probabilities = outputs && probabilitiesOf(outputs, rows);
  const head = `{"id":${JSON.stringify(id)},"row":`;
  const facts = factsOf(prediction);
  const tail = error === undefined ? '}\n' : `,"error":${JSON.stringify(wellFormed(error.slice(0, 500)))}}\n`;
  for (let row = 0; row < rows; row++) {
    let line = `${head}${row}${facts}`;
    if (plan.inputs.length > 0) line += `,"x":{${featuresOf(prediction.inputs, plan, row, rows)}}`;
    if (answer) line += `,"prediction":${cell(answer, row)}`;
    if (probabilities) line += `,"probabilities":${cells(probabilities, row, widthOf(probabilities))}`;
    yield line + tail;
  }
}

function factsOf({ at, version, latencyMs, key, isShadow }: Prediction): string {
  const facts = `,"at":${Math.trunc(at)},"version":${JSON.stringify(version)}`;
  const keyed = key === undefined ? '' : `,"key":${JSON.stringify(wellFormed(key.slice(0, 200)))}`;
  return `${facts},"latencyMs":${Math.round(latencyMs * 1000) / 1000}${keyed},"isShadow":${isShadow}`;
}

function featuresOf(inputs: Prediction['inputs'], plan: RowPlan, row: number, rows: number): string {
  let text = '';
  for (const { tensor: name, keys, width, isList } of plan.inputs) {
    const tensor = inputs.get(name) as Tensor;
    // A value for the whole request is none of a row.
    if (rowsOf(tensor) !== rows) continue;
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i];
      if (key === undefined) continue;
      const value = isList ? cells(tensor, row, width) : cell(tensor, row * width + i);
      text += text === '' ? key + value : `,${key}${value}`;
    }
  }
  return text;
}

function cells(tensor: Tensor, row: number, width: number): string {
  let text = '[';
  for (let i = 0; i < width; i++) text += (i === 0 ? '' : ',') + cell(tensor, row * width + i);
  return `${text}]`;
}

function cell({ data, datatype }: Tensor, index: number): string {
  const value = data[index];
  if (typeof value === 'string') return JSON.stringify(wellFormed(value));
  if (datatype === 'BOOL') return value === 0 ? 'false' : 'true';
  // JSON has no NaN and no infinity.
  return typeof value === 'bigint' || Number.isFinite(value) ? String(value) : 'null';
}

/** Half a surrogate pair would make the line unreadable. */
function wellFormed(text: string): string {
  return text.replace(/\p{Cs}/gu, '\ufffd');
}
