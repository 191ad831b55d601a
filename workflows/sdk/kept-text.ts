import type { Artifact } from './artifact.js';
import { builtIn } from './protocol.js';
import type { RunHost } from './run-scope.js';

/** In UTF-16 units, of which none takes more than 3 bytes: the engine refuses a payload above 2 MB. */
const pieceLength = 500_000;

/** Text that no payload would hold, as artifacts. */
export async function keepText(host: RunHost, text: string, summary: string): Promise<readonly Artifact[]> {
  const pieces: Artifact[] = [];
  for (let at = 0; at < text.length; at += pieceLength) {
    const piece = text.slice(at, at + pieceLength);
    pieces.push((await host.builtIn(builtIn.keepText, piece, summary)) as Artifact);
  }
  return pieces;
}

export async function keptText(host: RunHost, pieces: readonly Artifact[], summary: string): Promise<string> {
  const texts: string[] = [];
  for (const piece of pieces) texts.push((await host.builtIn(builtIn.keptText, piece, summary)) as string);
  return texts.join('');
}

export function isLong(text: string): boolean {
  return text.length > pieceLength;
}
