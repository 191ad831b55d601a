import { plain } from './format.js';

/** A field of a form for a pipeline's input, or an answer; a name of '' is the whole of it. */
export interface Field {
  readonly name: string;
  readonly kind: 'text' | 'number' | 'choice' | 'json';
  readonly isRequired: boolean;
  readonly initial: string;
  readonly options: readonly string[];
  readonly description?: string;
}

interface Schema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly description?: string;
}

/** One for each property of an object; any other input is asked for as JSON. The server checks what is sent. */
export function fieldsOf(input: unknown): Field[] {
  const schema = (input ?? {}) as Schema;
  if (schema.type !== 'object' || schema.properties === undefined) {
    return [{ name: '', kind: 'json', isRequired: true, initial: '{}', options: [] }];
  }
  const required = new Set(schema.required);
  return Object.entries(schema.properties).map(([name, of]): Field => {
    const { default: fallback, description } = of;
    const kind = kindOf(of);
    const options = of.type === 'boolean' ? ['true', 'false'] : (of.enum ?? []).map(String);
    return {
      name,
      kind,
      isRequired: required.has(name) && fallback === undefined,
      initial: initialOf(kind, fallback, required.has(name) ? options[0] : undefined),
      options,
      ...(description === undefined ? {} : { description }),
    };
  });
}

function kindOf({ type, enum: values }: Schema): Field['kind'] {
  if (values?.every((value) => typeof value === 'string') || type === 'boolean') return 'choice';
  if (type === 'number' || type === 'integer') return 'number';
  return type === 'string' ? 'text' : 'json';
}

function initialOf(kind: Field['kind'], fallback: unknown, first: string | undefined): string {
  if (fallback === undefined) return kind === 'choice' ? (first ?? '') : '';
  return kind === 'json' ? JSON.stringify(fallback, undefined, 2) : plain(fallback);
}

/** The input that the texts of the fields say; an empty optional one is left out. Throws where JSON is none. */
export function inputFrom(fields: readonly Field[], texts: Readonly<Record<string, string>>): unknown {
  const [first] = fields;
  if (first?.name === '') return parse('The value', texts[''] ?? first.initial);
  const entries = fields.flatMap(({ name, kind, isRequired, initial, options }) => {
    const text = texts[name] ?? initial;
    if (text === '' && (kind !== 'text' || !isRequired)) return [];
    return [[name, valueOf(name, kind, text, options)] as const];
  });
  return Object.fromEntries(entries);
}

function valueOf(name: string, kind: Field['kind'], text: string, options: readonly string[]): unknown {
  if (kind === 'number') return Number(text);
  if (kind === 'json') return parse(name, text);
  return kind === 'choice' && options.join() === 'true,false' ? text === 'true' : text;
}

function parse(what: string, text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new Error(`${what} is not JSON: ${text}`);
  }
}
