import type colors from 'picocolors';

export type Paint = ReturnType<typeof colors.createColors>;
