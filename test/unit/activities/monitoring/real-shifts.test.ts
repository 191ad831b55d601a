import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DriftProject, driftProject } from './drift-project.js';

let project: DriftProject;
beforeAll(async () => {
  project = await driftProject();
});
afterAll(() => project.remove());

const weather = "SELECT * FROM 'node_modules/vega-datasets/data/seattle-weather.csv'";
const bikes = "SELECT * FROM 'data/bikes/2011-*[0-9].parquet'";
const flights = "SELECT * FROM 'node_modules/vega-datasets/data/flights-3m.parquet'";

describe('model.check-drift on data of the world', () => {
  it("sees Seattle's summer after its winter", async () => {
    const report = await project.check({
      reference: `${weather} WHERE month(date) <= 3`,
      window: `${weather} WHERE month(date) BETWEEN 7 AND 9`,
    });
    expect(report).toMatchObject({
      rows: 368,
      referenceRows: 361,
      isDrifted: true,
      quality: { judged: 5, notJudged: 1, absent: 0, tests: 5, level: 0.004 },
      notes: ['dates and times are not judged: "date"'],
    });
    // 5.3 where an empty bin counts for less than half a row.
    const hottest = report.features.find(({ name }) => name === 'temp_max');
    expect(hottest).toMatchObject({ kind: 'number', isDrifted: true, missing: 0, why: 'PSI 5.86 > 0.2' });
    expect(report.reason).toContain('"temp_max" (PSI 5.86 > 0.2)');
  });

  it('sees a warmer year, by its temperature alone', async () => {
    const report = await project.check(
      { reference: `${weather} WHERE year(date) = 2012`, window: `${weather} WHERE year(date) = 2015` },
      { ignore: ['weather'] },
    );
    expect(report.features.map(({ name, psi, isDrifted }) => [name, psi, isDrifted])).toEqual([
      ['temp_max', 0.219, true],
      ['temp_min', 0.1686, false],
      ['wind', 0.07417, false],
      ['precipitation', 0.04061, false],
    ]);
    expect(report.reason).toBe('1 of 4 features have drifted: "temp_max" (PSI 0.219 > 0.2)');
  });

  it("sees Washington's summer in its bikes", async () => {
    const report = await project.check(
      {
        reference: `${bikes} WHERE mnth IN ('Jan', 'Feb', 'March')`,
        window: `${bikes} WHERE mnth IN ('June', 'July', 'Aug')`,
      },
      { ignore: ['mnth', 'season', 'day', 'casual', 'registered', 'bikers'] },
    );
    const drifted = report.features.filter(({ isDrifted }) => isDrifted).map(({ name, psi }) => [name, psi]);
    expect(drifted).toEqual([
      ['temp', 7.749],
      ['atemp', 7.745],
    ]);
    expect(report.quality.judged).toBe(9);
  });

  it('sees none between months of flights, nor in a month of all three million', async () => {
    const months = await project.check({
      reference: `${flights} WHERE month(date) = 1`,
      window: `${flights} WHERE month(date) = 6`,
    });
    expect(months).toMatchObject({ rows: 502_222, isDrifted: false, reason: 'no drift in 4 features' });
    // Every one of them differs by its p-value.
    expect(months.features.every(({ pValue = 1 }) => pValue < months.quality.level)).toBe(true);
    const all = await project.check({
      reference: await project.context.artifacts.putFile('node_modules/vega-datasets/data/flights-3m.parquet'),
      window: `${flights} WHERE month(date) = 5`,
    });
    expect(all).toMatchObject({ referenceRows: 3_000_000, isDrifted: false });
  });
});
