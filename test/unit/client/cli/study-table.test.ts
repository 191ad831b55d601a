import { describe, expect, test } from 'vitest';
import { csvText } from '../../../../client/cli/csv.js';
import { studyOf, studyTable } from '../../../../client/cli/study-table.js';
import { projectRun } from '../../../../client/history/project-run.js';
import { ashaHistory, began, StudyHistory } from '../support/study-history.js';

describe('a study as a table', () => {
  test('has a row for each trial and a column for each objective and parameter, in one order', () => {
    const { columns, rows } = studyTable(studyOf(projectRun(ashaHistory())));
    expect(csvText(columns, rows)).toBe(
      [
        'trial,state,rung,budget,value.accuracy,param.depth,param.learningRate,param.kernel,param.folds,seconds,failure.code,failure.message,sameAs',
        '0,running,1,1,0.71,1,0.03125,,,1.5,,,',
        '1,completed,2,9,0.97413,2,0.02,,5,4.5,,,',
        '2,failed,0,1,,3,0.03,,5,1.5,SYSTEM_JOB_KILLED,"The job was killed by SIGSEGV.\nIts last lines: …",',
        '3,failed,0,1,,4,0.04,,5,1.5,USER_DATA_MALFORMED,row 3 has no label,',
        '4,failed,0,1,,5,0.05,,5,1.5,SYSTEM_JOB_KILLED,"The job was killed by SIGSEGV.\nIts last lines: …",',
        '5,stopped,0,1,0.5,6,0.06,,5,1.5,,,',
        '6,running,0,,,7,,,,0,,,',
        '',
      ].join('\r\n'),
    );
    for (const row of rows) expect(Object.keys(row)).toEqual(columns);
    expect(JSON.parse(JSON.stringify(rows))).toEqual(rows);
  });

  test('has parameters that its space does not name behind the others, and the trial that a result is of', () => {
    const history = new StudyHistory()
      .trial(0, 0, { values: [1], state: 'completed', params: { zeta: 1, alpha: true, depth: 3 } })
      .trial(1, 0, { values: [1], state: 'completed', params: { zeta: null }, sameAs: 0 });
    const { columns, rows } = studyTable(studyOf(projectRun(history)));
    expect(columns.filter((name) => name.startsWith('param.'))).toEqual(
      [...Object.keys(began.space), 'alpha', 'zeta'].map((name) => `param.${name}`),
    );
    expect(rows[0]).toMatchObject({ 'param.alpha': true, 'param.zeta': 1, sameAs: null });
    expect(rows[1]).toMatchObject({ 'param.zeta': null, sameAs: 0 });
  });

  test('without a trial is its header', () => {
    const { columns, rows } = studyTable(studyOf(projectRun(new StudyHistory())));
    expect(csvText(columns, rows)).toMatch(/^trial,.*sameAs\r\n$/);
  });
});

describe('the study that is meant', () => {
  const run = (...ids: string[]) => ({
    workflowId: 'tuned',
    studies: ids.flatMap((study) => projectRun(new StudyHistory({ study })).studies),
  });

  test('is the only one, or the one that is named', () => {
    expect(studyOf(run('search')).id).toBe('search');
    expect(studyOf(run('search'), 'search').id).toBe('search');
    expect(studyOf(run('search', 'search#2'), 'search#2').id).toBe('search#2');
  });

  test.each([
    [run(), undefined, 'USER_STUDY_UNKNOWN', 'Run "tuned" has no study. A study is there'],
    [run(), 'search', 'USER_STUDY_UNKNOWN', 'Run "tuned" has no study. A study is there'],
    [run('a', 'b'), undefined, 'USER_OPTION_INVALID', 'Run "tuned" has 2 studies. Name one by --study: a, b.'],
    [run('search', 'other'), 'serach', 'USER_STUDY_UNKNOWN', 'has no study "serach". Did you mean "search"?'],
    [run('search', 'other'), 'xyz', 'USER_STUDY_UNKNOWN', 'has no study "xyz". It has: search, other.'],
    [run('search'), '', 'USER_STUDY_UNKNOWN', 'has no study "". It has: search.'],
  ])('is asked for where it cannot be told (%#)', (of, name, code, message) => {
    expect(() => studyOf(of, name)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(message) }),
    );
  });
});

describe('CSV', () => {
  test('quotes commas, quotes and line ends, and writes numbers as JSON does', () => {
    const rows = [{ a: 'x,"y"\r\nz', b: -1.5e-7, c: true }, { a: ' padded ', b: 1e21, c: null }, { b: 0 }];
    expect(csvText(['a', 'b', 'c'], rows)).toBe('a,b,c\r\n"x,""y""\r\nz",-1.5e-7,true\r\n padded ,1e+21,\r\n,0,\r\n');
  });

  test('lets no text be a formula, header included, and leaves negative numbers alone', () => {
    const texts = ['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', '\n=1', '＝1', `=HYPERLINK("http://x","y")`];
    const rows = [...texts.map((text) => ({ '=a': text })), { '=a': -1 }, { '=a': "it's = fine" }];
    expect(csvText(['=a'], rows)).toBe(
      [
        `"'=a"`,
        `"'=1+1"`,
        `"'+1"`,
        `"'-1"`,
        `"'@SUM(A1)"`,
        `"'\t=1"`,
        `"'\r=1"`,
        `"'\n=1"`,
        `"'＝1"`,
        `"'=HYPERLINK(""http://x"",""y"")"`,
        '-1',
        `it's = fine`,
        '',
      ].join('\r\n'),
    );
  });
});
