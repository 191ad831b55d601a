import protobuf from 'protobufjs/minimal.js';
import { EvertrainError, show } from '../workflows/sdk/errors.js';

/** The key in an ONNX file's `metadata_props` under which the names of the feature columns stand, as a JSON list, in order. */
const featuresKey = 'evertrain.features';

// onnx.proto: ModelProto.metadata_props = 14; StringStringEntryProto.key = 1, value = 2.
const metadataField = 14;

/**
 * The feature names that the training side wrote into the model; undefined when it wrote none. onnxruntime-node does not
 * expose the file's properties, so they are read from the protobuf itself; all other fields are skipped by their length.
 * USER_DATA_MALFORMED when the property is not a list of names.
 */
export function modelFeatures(onnx: Uint8Array): string[] | undefined {
  const reader = protobuf.Reader.create(onnx);
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (tag >>> 3 !== metadataField) reader.skipType(tag & 7);
    else {
      const [key, value] = readEntry(reader.bytes());
      if (key === featuresKey) return parseNames(value);
    }
  }
  return undefined;
}

function readEntry(bytes: Uint8Array): [key: string, value: string] {
  const reader = protobuf.Reader.create(bytes);
  const entry: [string, string] = ['', ''];
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    const field = tag >>> 3;
    if (field === 1 || field === 2) entry[field - 1] = reader.string();
    else reader.skipType(tag & 7);
  }
  return entry;
}

function parseNames(text: string): string[] {
  try {
    const names: unknown = JSON.parse(text);
    if (Array.isArray(names) && names.length > 0 && names.every((name) => typeof name === 'string')) return names;
  } catch {
    // Told below.
  }
  throw new EvertrainError('USER_DATA_MALFORMED', `The model's property ${featuresKey} is ${show(text)}.`, {
    value: text,
    remedy: 'Write a JSON list of column names into it, or pass columns.',
  });
}
