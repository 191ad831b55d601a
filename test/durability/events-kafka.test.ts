import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type DurableProject, durableProject } from '../support/durable-project.js';
import { startChild } from '../support/child-process.js';
import type { EventsProcessOptions } from '../support/events-process.js';
import { kafkaRound, sendTo } from '../support/kafka-round.js';
import { kafkaLogin, type SecureKafka, startSecureKafka } from '../support/kafka-server.js';

let fixture: DurableProject;
let kafka: SecureKafka;

beforeAll(async () => {
  vi.stubEnv('EVENTS_SALES_KEY', 'unused');
  vi.stubEnv('EVENTS_DATABASE', 'unused');
  [fixture, kafka] = await Promise.all([durableProject('events'), startSecureKafka()]);
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

  it('are taken over TLS from a broker that asks for a login, and from none with a wrong password', async () => {
    const { address } = fixture.engine;
    vi.stubEnv('NODE_EXTRA_CA_CERTS', kafka.certificate);
    vi.stubEnv('EVENTS_KAFKA_PASSWORD', kafkaLogin.password);
    vi.stubEnv('EVENTS_KAFKA_WRONG', 'guessed');
    for (const topic of ['SCRAM-SHA-512', 'PLAIN', 'wrong']) {
      await kafka.createTopic(topic, 1);
      await sendTo(kafka.broker, topic, [JSON.stringify({ id: topic, effects: fixture.effects.url })]);
    }
    const options: EventsProcessOptions = { address, broker: kafka.secureBroker, holds: false, secure: true };
    const child = startChild('./events-process.ts', options);
    let log = '';
    child.process.stderr?.on('data', (chunk: Buffer) => (log += chunk.toString('utf8')));
    try {
      for (const topic of ['SCRAM-SHA-512', 'PLAIN']) {
        await expect.poll(() => fixture.effects.count(`learn/${topic}`), { timeout: 30_000 }).toBe(1);
      }
      await expect.poll(() => log, { timeout: 30_000 }).toMatch(/Event rule "wrong": Kafka: .*; joining again/);
      expect(fixture.effects.count('learn/wrong')).toBe(0);
      expect(log).not.toMatch(/"(SCRAM-SHA-512|PLAIN)"|guessed/);
    } finally {
      await child.kill();
    }
  });
});
