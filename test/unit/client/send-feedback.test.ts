import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { sendFeedback } from '../../../client/send-feedback.js';
import { deploy, floats, infer, serve } from '../serving/support.js';

describe('sendFeedback', () => {
  it('tells the server labels, as many as there are, and what it made of them', async () => {
    const harness = await serve();
    await deploy(harness, 'times-1');
    const { address } = harness.server;
    await infer(harness.server, { id: 'a', inputs: [floats('x', [[1]])] });
    expect(await sendFeedback(address, 'm', { id: 'a', label: 1 })).toEqual({ accepted: 1, duplicates: 0, unknown: 0 });
    const many = Array.from({ length: 2_500 }, (_, i) => ({ id: `q${i}`, label: i }));
    expect(await sendFeedback(`${address}/`, 'm', many)).toEqual({ accepted: 2_500, duplicates: 0, unknown: 2_500 });
    expect(await sendFeedback(address, 'm', many)).toEqual({ accepted: 0, duplicates: 2_500, unknown: 2_500 });
  });

  it('sends nothing when one label is wrong', async () => {
    const harness = await serve();
    await deploy(harness, 'times-1');
    const many = Array.from({ length: 2_500 }, (_, i) => ({ id: `q${i}`, label: i === 2_400 ? NaN : i }));
    const sent = sendFeedback(harness.server.address, 'm', many);
    await expect(sent).rejects.toMatchObject({
      code: 'USER_INPUT_INVALID',
      message: expect.stringMatching(/\[2400\]\.label is NaN/) as string,
    });
    const again = await sendFeedback(harness.server.address, 'm', many.slice(0, 1_000));
    expect(again).toMatchObject({ accepted: 1_000, duplicates: 0 });
  });

  it('says by its code what is wrong', async () => {
    const { server } = await serve();
    const off = await serve({ predictionLog: false });
    const label = { id: 'a', label: 1 };
    const stranger = createServer((_, response) => response.end('hello')).listen(0, '127.0.0.1');
    await once(stranger, 'listening');
    onTestFinished(() => void stranger.close());
    const strange = `http://127.0.0.1:${(stranger.address() as AddressInfo).port}`;
    await server.close();
    const cases = [
      [server.address, 'SYSTEM_SERVER_UNREACHABLE', /ECONNREFUSED/],
      [strange, 'SYSTEM_SERVER_UNREACHABLE', /something else answers/],
      ['not an address', 'USER_OPTION_INVALID', /no http\(s\) address/],
      [off.server.address, 'USER_REQUEST_REFUSED', /takes no labels/],
    ] as const;
    for (const [address, code, words] of cases) {
      const message = expect.stringMatching(words) as string;
      await expect(sendFeedback(address, 'm', label)).rejects.toMatchObject({ code, message });
    }
    const other = await serve();
    const unknown = sendFeedback(other.server.address, 'm', label);
    await expect(unknown).rejects.toMatchObject({ code: 'USER_MODEL_UNKNOWN' });
  });
});
