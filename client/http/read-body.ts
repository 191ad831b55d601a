import type { IncomingMessage } from 'node:http';
import { EvertrainError } from '../../workflows/sdk/errors.js';
import { Refusal } from './answer.js';

export interface BodyLimits {
  readonly maxBytes: number;
  /** Until the whole body must be there: a sender that trickles holds nothing for long. */
  readonly withinMs: number;
}

export interface Body {
  /** For example `application/json`. */
  readonly type: string;
  readonly bytes: Buffer;
}

const utf8 = new TextDecoder('utf-8', { fatal: true });
const json = ['application/json'];
const batches =
  'Send an object or a list of them, for example {"id":"2026-11-21T10","uri":"s3://arrivals/10.parquet","rows":80}.';

/** The JSON of a request; refused are other types, one that is too large (as soon as it is) or too slow, and no JSON. */
export async function readJson(request: IncomingMessage, limits: BodyLimits): Promise<unknown> {
  return parseJson((await readBody(request, json, limits)).bytes, batches);
}

/** A body of one of the types, in UTF-8 as it says. */
export async function readBody(request: IncomingMessage, types: readonly string[], limits: BodyLimits): Promise<Body> {
  const { 'content-type': declared = '', 'content-encoding': encoding = 'identity' } = request.headers;
  const [type = '', charset = 'charset=utf-8', ...rest] = declared.split(';').map((part) => part.trim().toLowerCase());
  const isKnown = types.includes(type) && /^charset="?utf-8"?$/.test(charset) && rest.length === 0;
  if (!isKnown || encoding !== 'identity') {
    throw new Refusal(415, 'The body is not declared as JSON.', 'Send `Content-Type: application/json`, uncompressed.');
  }
  return { type, bytes: await readBytes(request, limits) };
}

/** USER_SIGNAL_INVALID where it is no JSON in UTF-8. */
export function parseJson(bytes: Buffer, remedy: string): unknown {
  try {
    return JSON.parse(utf8.decode(bytes), refuseProto);
  } catch (cause) {
    const said = cause instanceof Error ? cause.message : String(cause);
    throw new EvertrainError('USER_SIGNAL_INVALID', `The body is not JSON in UTF-8: ${said}.`, { remedy, cause });
  }
}

/** A field of that name is data to JSON and a prototype to the next program that copies it. */
function refuseProto(key: string, value: unknown): unknown {
  if (key === '__proto__') throw new Error('it has a field named __proto__');
  return value;
}

function readBytes(request: IncomingMessage, { maxBytes, withinMs }: BodyLimits): Promise<Buffer> {
  const tooLarge = () =>
    new Refusal(413, `The body has more than ${maxBytes} bytes.`, 'Send where the data lies, not the data.', {
      code: 'USER_PAYLOAD_TOO_LARGE',
    });
  return new Promise((resolve, reject) => {
    if (Number(request.headers['content-length'] ?? 0) > maxBytes) return reject(tooLarge());
    const chunks: Buffer[] = [];
    let size = 0;
    const settle = (settling: () => void) => {
      clearTimeout(late);
      request.off('data', take).off('end', end).off('close', gone).off('error', gone).pause();
      settling();
    };
    const take = (chunk: Buffer) => {
      size += chunk.length;
      if (size > maxBytes) settle(() => reject(tooLarge()));
      else chunks.push(chunk);
    };
    const end = () => settle(() => resolve(Buffer.concat(chunks)));
    const gone = () => settle(() => reject(new Refusal(400, 'The request ended early.', 'Send it again.')));
    const late = setTimeout(() => {
      const what = `The body did not come within ${withinMs} ms.`;
      settle(() => reject(new Refusal(408, what, 'Send it again, at once.')));
    }, withinMs);
    request.on('data', take).once('end', end).once('close', gone).once('error', gone);
  });
}
