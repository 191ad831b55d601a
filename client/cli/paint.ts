import type colors from 'picocolors';

export type Paint = ReturnType<typeof colors.createColors>;

type Output = Pick<Partial<NodeJS.WriteStream>, 'isTTY'>;

/** Whether what is drawn there can be drawn over. */
export function isScreen({ isTTY }: Output): boolean {
  return isTTY === true && process.env['TERM'] !== 'dumb';
}

/** On a terminal, unless NO_COLOR says otherwise (no-color.org). */
export function hasColor(output: Output): boolean {
  return isScreen(output) && !process.env['NO_COLOR'];
}
