import { createHmac, timingSafeEqual } from 'node:crypto';

/** Whether the header holds the HMAC (SHA-256) of the body: in hex, with or without `sha256=`, or in Base64. */
export function isSignedBy(key: string, body: Buffer, header: string | readonly string[] | undefined): boolean {
  if (typeof header !== 'string') return false;
  const text = header.replace(/^sha256=/, '');
  const given = Buffer.from(text, /^[0-9a-f]{64}$/i.test(text) ? 'hex' : 'base64');
  const expected = createHmac('sha256', key).update(body).digest();
  return given.length === expected.length && timingSafeEqual(given, expected);
}
