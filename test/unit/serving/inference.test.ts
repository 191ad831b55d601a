import { describe, expect, test } from 'vitest';
import { call, deploy, expected, floats, infer, serve } from './support.js';

const irisRows = expected['iris-v1'].rows;
const row = irisRows[0] as number[];

type Output = { name: string; shape: number[]; datatype: string; data: number[] };
const outputsOf = (body: unknown): Output[] => (body as { outputs: Output[] }).outputs;

describe('answers', () => {
  test('are those of scikit-learn, for a classifier', async () => {
    const harness = await serve();
    await deploy(harness, 'iris-v1');
    const { status, body } = await infer(harness.server, { id: 'q7', inputs: [floats('X', irisRows)] });
    expect(status).toBe(200);
    expect(body).toMatchObject({ model_name: 'm', model_version: '1', id: 'q7' });
    const [label, probabilities] = outputsOf(body);
    expect(label).toEqual({ name: 'label', shape: [15], datatype: 'INT64', data: expected['iris-v1'].label });
    expect(probabilities).toMatchObject({ name: 'probabilities', shape: [15, 3], datatype: 'FP32' });
    expected['iris-v1'].probabilities.flat().forEach((p, i) => expect(probabilities?.data[i]).toBeCloseTo(p, 5));
  });

  test('are those of scikit-learn, for a regressor with one input a column', async () => {
    const harness = await serve();
    await deploy(harness, 'diabetes');
    const { columns, rows, variable } = expected.diabetes;
    const inputs = columns.map((name, i) =>
      floats(
        name,
        rows.map((r) => [r[i] as number]),
      ),
    );
    const [output] = outputsOf((await infer(harness.server, { inputs })).body);
    variable.forEach((v, i) => expect(output?.data[i]).toBeCloseTo(v, 3));
  });

  test('are those of scikit-learn, for text in and text out', async () => {
    const harness = await serve();
    await deploy(harness, 'penguins');
    const { diet, weight, label } = expected.penguins;
    const inputs = [
      { name: 'diet', shape: [diet.length, 1], datatype: 'BYTES', data: diet },
      { name: 'weight', shape: [weight.length, 1], datatype: 'FP32', data: weight.map((w) => [w]) },
    ];
    const { body } = await infer(harness.server, { inputs, outputs: [{ name: 'label' }] });
    expect(outputsOf(body)).toEqual([{ name: 'label', shape: [diet.length], datatype: 'BYTES', data: label }]);
  });

  test('hold only the outputs asked for, in the order asked', async () => {
    const harness = await serve();
    await deploy(harness, 'iris-v1');
    const ask = async (...names: string[]): Promise<string[]> => {
      const request = { inputs: [floats('X', [row])], outputs: names.map((name) => ({ name })) };
      return outputsOf((await infer(harness.server, request)).body).map((o) => o.name);
    };
    expect(await ask('probabilities')).toEqual(['probabilities']);
    expect(await ask('probabilities', 'label')).toEqual(['probabilities', 'label']);
  });

  test('carry every datatype unchanged, 64-bit integers with all their digits', async () => {
    const harness = await serve();
    await deploy(harness, 'echo');
    const values: Record<string, string> = {
      FP32: '[0.5,-1.25]',
      FP64: '[0.12345678901234567,-1e-300]',
      INT8: '[-128,127]',
      INT16: '[-32768,32767]',
      INT32: '[-2147483648,2147483647]',
      INT64: '[-9223372036854775808,9223372036854775807]',
      UINT8: '[0,255]',
      UINT16: '[0,65535]',
      UINT32: '[0,4294967295]',
      UINT64: '[0,18446744073709551615]',
      BOOL: '[true,false]',
      BYTES: '["1234567890123456789","naïve \\"quoted\\" \\n ,99999999999999999999,"]',
    };
    const inputs = Object.entries(values).map(
      ([k, v]) => `{"name":"${k}","shape":[1,2],"datatype":"${k}","data":${v}}`,
    );
    const response = await fetch(`${harness.server.address}/v2/models/m/infer`, {
      method: 'POST',
      body: `{"inputs":[${inputs.join(',')}]}`,
    });
    const text = await response.text();
    expect(response.status, text).toBe(200);
    for (const [kind, data] of Object.entries(values)) {
      const shown = text.slice(text.indexOf(`"${kind}_out"`)).match(/"data":(\[.*?\])(?=\})/)?.[1] ?? '';
      if (kind.startsWith('FP') || kind === 'BYTES') expect(JSON.parse(shown), kind).toEqual(JSON.parse(data));
      else expect(shown, kind).toBe(data);
    }
  });

  test('to nested and flat data are the same', async () => {
    const harness = await serve();
    await deploy(harness, 'iris-v1');
    const nested = { name: 'X', shape: [15, 4], datatype: 'FP32', data: irisRows };
    const [a, b] = [
      await infer(harness.server, { id: 'same', inputs: [nested] }),
      await infer(harness.server, { id: 'same', inputs: [floats('X', irisRows)] }),
    ];
    expect(a).toEqual(b);
  });
});

describe('the protocol', () => {
  test('tells server, health and model metadata, with and without the version', async () => {
    const harness = await serve();
    await deploy(harness, 'iris-v1', { model: 'a/b ü', version: '2024.1' });
    const get = (path: string): Promise<unknown> => call(harness.server, 'GET', path);
    expect(await get('/v2')).toEqual({ status: 200, body: { name: 'evertrain', version: '2', extensions: [] } });
    expect(await get('/v2/health/live')).toEqual({ status: 200, body: { live: true } });
    expect(await get('/v2/health/ready')).toEqual({ status: 200, body: { ready: true, failed: [] } });
    const path = `/v2/models/${encodeURIComponent('a/b ü')}`;
    const metadata = {
      name: 'a/b ü',
      versions: ['2024.1'],
      platform: 'onnx_onnxv1',
      inputs: [{ name: 'X', datatype: 'FP32', shape: [-1, 4] }],
      outputs: [
        { name: 'label', datatype: 'INT64', shape: [-1] },
        { name: 'probabilities', datatype: 'FP32', shape: [-1, 3] },
      ],
    };
    for (const p of [path, `${path}/versions/2024.1`]) {
      expect(await get(p)).toEqual({ status: 200, body: metadata });
      expect(await get(`${p}/ready`)).toEqual({ status: 200, body: { name: 'a/b ü', version: '2024.1', ready: true } });
      expect((await call(harness.server, 'POST', `${p}/infer`, { inputs: [floats('X', [row])] })).status).toBe(200);
    }
  });

  test('answers 404 for an unknown model, version and path, naming what there is', async () => {
    const harness = await serve();
    await deploy(harness, 'iris-v1');
    for (const [path, words] of [
      ['/v2/models/other', /No model other.*served: m/],
      ['/v2/models/m/versions/9', /serves version 1, not 9/],
      ['/v2/models/m/versions/9/ready', /serves version 1, not 9/],
      ['/v3', /There is no GET \/v3/],
    ] as const) {
      expect(await call(harness.server, 'GET', path)).toMatchObject({
        status: 404,
        body: { error: expect.stringMatching(words) },
      });
    }
    expect(await infer(harness.server, { inputs: [] }, 'other')).toMatchObject({ status: 404 });
  });
});

describe('a malformed request is refused with 400, naming field, value and what is expected', () => {
  const input = (changes: object): object => ({ inputs: [{ ...floats('X', [row]), ...changes }] });
  const good = floats('X', [row]);
  const cases: [name: string, request: unknown, error: RegExp][] = [
    ['not JSON', '{"inputs": [', /The body is not JSON/],
    ['an empty body', ' ', /The body is not JSON/],
    ['a list', [], /The request is \[\]; expected a JSON object/],
    ['no inputs', {}, /inputs is missing; expected a list with X/],
    ['a missing input', { inputs: [] }, /Input X is missing; expected all inputs of this model: X/],
    [
      'an unknown input',
      { inputs: [good, floats('Y', [[1]])] },
      /inputs\[1\]\.name is "Y"; expected an input of this model: X/,
    ],
    ['an input twice', { inputs: [good, good] }, /inputs\[1\]\.name is "X"; expected each input once/],
    ['an input that is no object', { inputs: [7] }, /inputs\[0\] is 7; expected an object/],
    ['an id that is no text', { id: 7, inputs: [good] }, /id is 7; expected a string/],
    ['another datatype', input({ datatype: 'FP64' }), /inputs\[0\]\.datatype is "FP64"; expected FP32 for input X/],
    ['an unknown datatype', input({ datatype: 'float' }), /is "float"; expected FP32.*datatypes are FP32, FP64/],
    ['no datatype', input({ datatype: undefined }), /datatype is missing/],
    ['no shape', input({ shape: undefined }), /inputs\[0\]\.shape is missing; expected a list of integers/],
    ['a shape of another rank', input({ shape: [4] }), /shape is \[4\]; expected \[any,4\] for input X/],
    [
      'a shape of another width',
      input({ shape: [1, 5], data: [1, 2, 3, 4, 5] }),
      /shape is \[1,5\]; expected \[any,4\]/,
    ],
    [
      'a shape with another product',
      input({ shape: [2, 4] }),
      /shape is \[2,4\]; expected 4 values .* this shape has 8/,
    ],
    ['a huge shape', input({ shape: [1e15, 4] }), /shape is \[1000000000000000,4\]/],
    [
      'a huge shape with nested data',
      input({ shape: [1e15, 4], data: [row] }),
      /data is .*expected 1000000000000000 elements/,
    ],
    [
      'a shape beyond 2^53',
      '{"inputs":[{"name":"X","shape":[99999999999999999999,4],"datatype":"FP32","data":[1]}]}',
      /shape is .*expected a list of integers/,
    ],
    ['a negative dimension', input({ shape: [-1, 4] }), /shape is \[-1,4\]; expected a list of integers of at least 1/],
    ['an empty dimension', input({ shape: [0, 4], data: [] }), /shape is \[0,4\]/],
    ['a fractional dimension', input({ shape: [1.5, 4] }), /shape is \[1\.5,4\]/],
    ['no data', input({ data: undefined }), /inputs\[0\]\.data is missing; expected a list of values/],
    ['null for NaN', input({ data: [1, 2, null, 4] }), /inputs\[0\]\.data\[2\] is null; expected a finite number/],
    [
      'text for a number',
      input({ data: [1, '2', 3, 4] }),
      /inputs\[0\]\.data\[1\] is "2"; expected a finite number in the range of FP32/,
    ],
    ['a boolean for a number', input({ data: [[1, 2, 3, true]] }), /inputs\[0\]\.data\[0\]\[3\] is true/],
    [
      'a number beyond FP32',
      input({ data: [1, 2, 3, 1e39] }),
      /data\[3\] is 1e\+39; expected a finite number in the range of FP32/,
    ],
    [
      'ragged data',
      { inputs: [{ ...good, shape: [2, 4], data: [row, [1, 2, 3]] }] },
      /data\[1\] is \[1,2,3\]; expected 4 elements.*not 3/,
    ],
    [
      'half-nested data',
      { inputs: [{ ...good, shape: [2, 4], data: [row, 5] }] },
      /data\[1\] is 5; expected a list of 4/,
    ],
    ['too deep data', input({ data: [[row]] }), /data\[0\] is .*expected 4 elements/],
    [
      'an unknown output',
      { inputs: [good], outputs: [{ name: 'z' }] },
      /outputs\[0\]\.name is "z"; expected an output of this model: label, probabilities/,
    ],
    [
      'an output twice',
      { inputs: [good], outputs: [{ name: 'label' }, { name: 'label' }] },
      /outputs is .*expected each output once/,
    ],
    ['outputs that are no list', { inputs: [good], outputs: 'label' }, /outputs is "label"/],
    [
      'the binary extension',
      input({ parameters: { binary_data_size: 16 } }),
      /inputs\[0\]\.parameters\.binary_data_size is 16; expected no such parameter/,
    ],
    [
      'binary outputs',
      { inputs: [good], parameters: { binary_data_output: true } },
      /parameters\.binary_data_output is true/,
    ],
  ];

  test.each(cases)('%s', async (_name, request, error) => {
    const harness = await serve();
    await deploy(harness, 'iris-v1');
    const answer = await infer(harness.server, request);
    expect(answer).toMatchObject({ status: 400, body: { error: expect.stringMatching(error) } });
    expect(await infer(harness.server, { inputs: [good] })).toMatchObject({ status: 200 });
  });

  const kinds: [datatype: string, data: string, error: RegExp][] = [
    [
      'INT64',
      '[1, 9223372036854775808]',
      /data\[1\] is 9223372036854775808; expected an integer from -9223372036854775808 to/,
    ],
    ['INT64', '[1, 1.5]', /data\[1\] is 1\.5; expected an integer/],
    ['INT64', '[1, 1e300]', /data\[1\] is 1e\+300; expected an integer/],
    ['INT64', '["1", 2]', /data\[0\] is "1"; expected an integer/],
    ['UINT8', '[0, 256]', /data\[1\] is 256; expected an integer from 0 to 255/],
    ['UINT64', '[-1, 0]', /data\[0\] is -1; expected an integer from 0/],
    ['INT32', '[2147483648, 0]', /data\[0\] is 2147483648/],
    ['INT32', '[9999999999999999999, 0]', /data\[0\] is 9999999999999999999/],
    ['BOOL', '[1, true]', /data\[0\] is 1; expected true or false/],
    ['BYTES', '["a", 5]', /data\[1\] is 5; expected a string/],
    ['BYTES', '["a\\u0000b", ""]', /data\[0\] is "a.u0000b"; expected a string without NUL/],
    ['FP64', '[1e999, 0]', /data\[0\] is Infinity; expected a finite number/],
  ];

  test.each(kinds)('%s with %s', async (datatype, data, error) => {
    const harness = await serve();
    await deploy(harness, 'echo');
    const answer = await infer(
      harness.server,
      `{"inputs":[{"name":"${datatype}","shape":[1,2],"datatype":"${datatype}","data":${data}}]}`,
    );
    expect(answer).toMatchObject({ status: 400, body: { error: expect.stringMatching(error) } });
  });

  test('a body beyond the limit, with and without a declared length', async () => {
    const harness = await serve({ maxBodyBytes: 2000 });
    await deploy(harness, 'iris-v1');
    const body = JSON.stringify({
      inputs: [
        floats(
          'X',
          Array.from({ length: 200 }, () => row),
        ),
      ],
    });
    expect(await infer(harness.server, body)).toMatchObject({
      status: 400,
      body: { error: expect.stringMatching(/this server takes 2000/) },
    });
    const stream = new Blob([body]).stream();
    const response = await fetch(`${harness.server.address}/v2/models/m/infer`, {
      method: 'POST',
      body: stream,
      duplex: 'half',
    } as RequestInit);
    expect([response.status, await response.text()]).toEqual([400, expect.stringMatching(/more than 2000 bytes/)]);
    expect(await infer(harness.server, { inputs: [floats('X', [row])] })).toMatchObject({ status: 200 });
  });

  test('a body that is not UTF-8', async () => {
    const harness = await serve();
    await deploy(harness, 'iris-v1');
    const response = await fetch(`${harness.server.address}/v2/models/m/infer`, {
      method: 'POST',
      body: Buffer.from([0x22, 0xff, 0x22]),
    });
    expect([response.status, await response.text()]).toEqual([400, expect.stringMatching(/not UTF-8/)]);
  });

  test('values that the model cannot compute with, or answers with NaN', async () => {
    const harness = await serve();
    await deploy(harness, 'lookup', { model: 'lookup' });
    await deploy(harness, 'logarithm', { model: 'log' });
    const index = { name: 'index', shape: [1], datatype: 'INT64', data: [99] };
    expect(await infer(harness.server, { inputs: [index] }, 'lookup')).toMatchObject({
      status: 400,
      body: { error: expect.stringMatching(/cannot compute with these inputs.*idx=99/) },
    });
    expect(await infer(harness.server, { inputs: [floats('x', [[1], [-1]])] }, 'log')).toMatchObject({
      status: 400,
      body: { error: expect.stringMatching(/answers NaN in y for row 1/) },
    });
  });
});
