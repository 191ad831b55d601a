import { type BenchReport, round } from '../support/report.js';

const [labelWidth, barsWidth, valueWidth, barHeight, gap, margin] = [380, 420, 70, 16, 6, 12];
const caption = 36;

/** A bar, on a logarithmic scale, for each row of a peer: how many times ours it takes. Ours is the line at 1. */
export function chart(reports: readonly BenchReport[]): string {
  const bars = reports.flatMap(({ rows }) =>
    rows.flatMap((row) =>
      'failed' in row || row.ratio === undefined || row.peer === undefined ? [] : [{ ...row, ratio: row.ratio }],
    ),
  );
  const ratios = bars.map(({ ratio }) => ratio);
  const [least, most] = [Math.min(0.5, ...ratios), Math.max(10, ...ratios)].map(Math.log10) as [number, number];
  const x = (ratio: number) => labelWidth + (barsWidth * (Math.log10(ratio) - least)) / (most - least);
  const width = labelWidth + barsWidth + valueWidth;
  const height = caption + bars.length * (barHeight + gap) + margin;
  const { date = '', machine = '' } = reports[0] ?? {};
  const drawn = bars.map(({ name, ratio }, place) => {
    const y = caption + place * (barHeight + gap);
    const [start, end] = [Math.min(x(1), x(ratio)), Math.max(x(1), x(ratio))];
    return [
      text(labelWidth - 8, y + 12, 'end', name),
      `<rect x="${start.toFixed(1)}" y="${y}" width="${(end - start).toFixed(1)}" height="${barHeight}" fill="${ratio < 1 ? '#c2703d' : '#3d7ac2'}"/>`,
      text(end + 4, y + 12, 'start', `${round(ratio)} ×`),
    ].join('');
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="sans-serif" font-size="11">
<rect width="100%" height="100%" fill="white"/>
${text(margin, 20, 'start', `How many times ours it takes (log scale); ${date}, ${machine}`)}
${drawn.join('\n')}
<line x1="${x(1).toFixed(1)}" x2="${x(1).toFixed(1)}" y1="${caption - 6}" y2="${height - margin}" stroke="black"/>
</svg>
`;
}

function text(x: number, y: number, anchor: 'start' | 'end', words: string): string {
  const safe = words.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return `<text x="${x.toFixed(1)}" y="${y}" text-anchor="${anchor}">${safe}</text>`;
}
