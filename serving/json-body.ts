import { EvertrainError, show } from '../workflows/sdk/errors.js';
import { malformed } from './tensor-json.js';

/**
 * Reads a request's JSON with a size limit and without losing digits: `JSON.parse` rounds integers beyond 2^53, so long
 * integer literals are handed over as bigints.
 */

/** What the reader needs of a request; `arrayBuffer` is the fast path of Hono's Node adapter. */
interface BodySource {
  readonly headers: Headers;
  readonly body: ReadableStream<Uint8Array> | null;
  arrayBuffer(): Promise<ArrayBuffer>;
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** USER_PAYLOAD_TOO_LARGE beyond `maxBytes`, USER_INPUT_INVALID when it is not JSON in UTF-8. */
export async function readJsonBody(request: BodySource, maxBytes: number): Promise<unknown> {
  const bytes = await readBytes(request, maxBytes);
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    throw malformed('The body', 'not UTF-8', 'JSON in UTF-8');
  }
  return parseJson(text);
}

async function readBytes(request: BodySource, maxBytes: number): Promise<ArrayBuffer | Uint8Array> {
  const declared = request.headers.get('content-length');
  if (declared !== null) {
    if (Number(declared) > maxBytes) throw tooLarge(`${declared} bytes`, maxBytes);
    return request.arrayBuffer();
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = request.body?.getReader();
  for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) {
    size += part.value.byteLength;
    if (size > maxBytes) {
      await reader?.cancel();
      throw tooLarge(`more than ${maxBytes} bytes`, maxBytes);
    }
    chunks.push(part.value);
  }
  return Buffer.concat(chunks);
}

function tooLarge(size: string, maxBytes: number): EvertrainError {
  return new EvertrainError('USER_PAYLOAD_TOO_LARGE', `The body is ${size}; this server takes ${maxBytes}.`, {
    value: size,
    remedy: 'Send fewer rows in one request, or raise maxBodyBytes.',
  });
}

const longInteger = /(?:^|[[,:\s-])\d{16,}(?=[\s,\]}]|$)/;
const tokens = /"(?:[^"\\]|\\.)*"|-?\d{16,}(?![\d.eE])|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/** JSON with integers of 16 digits and more as bigints where a number would round them. USER_INPUT_INVALID when it is not JSON. */
function parseJson(text: string): unknown {
  try {
    if (!longInteger.test(text)) return JSON.parse(text);
    // Unforgeable by a client: the mark is drawn anew for each body.
    const mark = `\u0000${Math.random()}:`;
    const quoted = text.replace(tokens, (token) =>
      /^-?\d{16,}$/.test(token) && !Number.isSafeInteger(Number(token)) ? JSON.stringify(mark + token) : token,
    );
    const unmark = (_key: string, value: unknown): unknown =>
      typeof value === 'string' && value.startsWith(mark) ? BigInt(value.slice(mark.length)) : value;
    return JSON.parse(quoted, unmark);
  } catch (cause) {
    throw new EvertrainError('USER_INPUT_INVALID', `The body is not JSON: ${(cause as Error).message}.`, {
      value: show(text.slice(0, 100)),
      remedy:
        'Send one JSON object, for example {"inputs":[{"name":"X","shape":[1,4],"datatype":"FP32","data":[5.1,3.5,1.4,0.2]}]}.',
      cause,
    });
  }
}
