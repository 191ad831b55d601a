import { expect, test } from 'vitest';
import { connection, kafkaTopic, on, pipeline, postgresNotify, secret, webhook } from '../../../workflows/sdk/index.js';
import { neededSecrets } from '../../../worker/needed-secrets.js';

const target = pipeline('told', {}, async () => undefined);
const brokers = ['kafka:9092'];

test('a worker of runs needs no secret that only event rules name', () => {
  const warehouse = secret('WAREHOUSE_URL');
  const events = [
    on(webhook('/sales', { signedBy: secret('SALES_KEY') }), target, { name: 'sales' }),
    on(webhook('/labels', { signedBy: secret('LABELS_KEY') }), target, { name: 'labels' }),
    on(kafkaTopic('t', { brokers, login: { user: 'us', password: secret('KAFKA_PASSWORD') } }), target, { name: 'k' }),
    on(postgresNotify('arrivals', warehouse), target, { name: 'arrivals' }),
    on(postgresNotify('others', secret('OTHERS_URL')), target, { name: 'others' }),
  ];
  const labels = connection('labels', {
    kind: 'http',
    url: 'https://x.example',
    headers: { key: secret('LABELS_KEY') },
  });
  const secrets = ['WAREHOUSE_URL', 'SALES_KEY', 'LABELS_KEY', 'KAFKA_PASSWORD', 'OTHERS_URL', 'TOKEN'];
  const needed = (connections: readonly (typeof labels)[], ofSteps: readonly string[]) =>
    neededSecrets({ secrets, connections, ofSteps, events });
  expect(needed([], [])).toEqual(['TOKEN']);
  expect(needed([labels], ['WAREHOUSE_URL'])).toEqual(['WAREHOUSE_URL', 'LABELS_KEY', 'TOKEN']);
});
