import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type DurableProject, durableProject } from '../support/durable-project.js';
import { type KafkaServer, startKafka } from '../support/kafka-server.js';
import { kafkaRound } from '../support/kafka-round.js';

let fixture: DurableProject;
let kafka: KafkaServer;

beforeAll(async () => {
  vi.stubEnv('EVENTS_SALES_KEY', 'unused');
  vi.stubEnv('EVENTS_DATABASE', 'unused');
  [fixture, kafka] = await Promise.all([durableProject('events'), startKafka()]);
  await fixture.worker();
});
afterAll(async () => {
  await Promise.all([fixture?.close(), kafka?.stop()]);
  vi.unstubAllEnvs();
});

describe('messages in Kafka', () => {
  it('have their effect once each, over kills of consumers and broker; poison goes to the dead letters', async () => {
    const { failures, repeated, deadLetters } = await kafkaRound(fixture, kafka, {
      ...{ messages: 300, duplicates: 0.2, seed: 20261122 },
    });
    expect(failures).toEqual([]);
    // Repeats, and what came again since the first consumer was killed before it told the broker.
    expect(repeated).toBeGreaterThan(60 + 100);
    // Who was killed may have sent some of them before.
    expect([...new Set(deadLetters.map(({ reason }) => reason))].sort()).toEqual([
      expect.stringContaining('Unexpected end of JSON input'),
      expect.stringContaining("Unexpected token 'a'"),
      expect.stringContaining("Unexpected token 'b'"),
      expect.stringContaining("Unexpected token 'c'"),
      expect.stringContaining('"no JSON" is not valid JSON'),
      expect.stringMatching(/has 1000\d+ bytes/),
      expect.stringContaining('is for "nobody", which is none of its models'),
      expect.stringContaining('there is nowhere to tell'),
      expect.stringContaining('effects: Invalid input'),
    ]);
  }, 120_000);
});
