import { useEffect, useRef, useState } from 'preact/hooks';

/** What the server says where it does not do what is asked. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

export type Params = Readonly<Record<string, string | number | undefined>>;

export function urlOf(path: string, params: Params = {}): string {
  const given = Object.entries(params).filter(([, value]) => value !== undefined && value !== '');
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return text === '' ? path : `${path}?${text}`;
}

export async function ask<T>(path: string, params?: Params): Promise<T> {
  return answerOf<T>(await fetch(urlOf(path, params)));
}

/** Has the server do something, under the name of who is logged in. */
export async function act<T>(path: string, body: unknown): Promise<T> {
  const headers = { 'content-type': 'application/json', 'x-evertrain': 'dashboard' };
  return answerOf<T>(await fetch(path, { method: 'POST', headers, body: JSON.stringify(body) }));
}

async function answerOf<T>(response: Response): Promise<T> {
  const body: unknown = await response.json().catch(() => ({}));
  if (response.ok) return body as T;
  const { code = 'SYSTEM_FAILED', message = `The server answered ${response.status}.` } = body as Partial<Refused>;
  throw new Refused(response.status, code, message);
}

export type LinkState = 'opening' | 'open' | 'lost' | 'ended';

const againMs = 2_000;

interface Begun {
  readonly url: string;
  readonly source: EventSource;
  /** What came before anybody listened. */
  readonly messages: string[];
  isOver: boolean;
}

let begun: Begun | undefined;

/** Begins a stream while the page that will listen to it is still being fetched: the server's work takes as long as that. */
export function beginLive(url: string): void {
  const stream: Begun = { url, source: new EventSource(url), messages: [], isOver: false };
  begun = stream;
  stream.source.onmessage = ({ data }) => stream.messages.push(data as string);
  stream.source.addEventListener('end', () => {
    stream.isOver = true;
    stream.source.close();
  });
  stream.source.onerror = () => {
    stream.source.close();
    if (begun === stream) begun = undefined;
  };
}

/** Once; whoever comes later begins anew. */
function takeBegun(url: string): Begun | undefined {
  const stream = begun?.url === url ? begun : undefined;
  if (stream !== undefined) begun = undefined;
  return stream;
}

/**
 * Listens to a stream of the server. A tab that is hidden listens to nothing, since a browser has six connections for all
 * of its tabs; each new beginning tells the whole state again.
 */
export function useLive<T>(url: string | undefined, take: (message: T) => void): LinkState {
  const [state, setState] = useState<LinkState>('opening');
  const latest = useRef(take);
  latest.current = take;
  useEffect(() => {
    if (url === undefined) return undefined;
    let source: EventSource | undefined;
    let again: number | undefined;
    let isOver = false;
    const close = () => {
      source?.close();
      source = undefined;
      clearTimeout(again);
    };
    const open = () => {
      close();
      if (document.hidden || isOver) return;
      const early = takeBegun(url);
      source = early?.source ?? new EventSource(url);
      const end = () => {
        isOver = true;
        setState('ended');
        close();
      };
      if (early !== undefined) setState('open');
      for (const data of early?.messages ?? []) latest.current(JSON.parse(data) as T);
      if (early?.isOver === true) return end();
      source.onopen = () => setState('open');
      source.onmessage = ({ data }) => latest.current(JSON.parse(data as string) as T);
      source.addEventListener('end', end);
      source.onerror = () => {
        setState('lost');
        close();
        void reloadWhereLoggedOut();
        again = window.setTimeout(open, againMs);
      };
    };
    setState('opening');
    open();
    document.addEventListener('visibilitychange', open);
    return () => {
      document.removeEventListener('visibilitychange', open);
      close();
    };
  }, [url]);
  return state;
}

/** A browser does not say why it gets no stream; a log-in that has run out is one reason. */
async function reloadWhereLoggedOut(): Promise<void> {
  const session = await ask<{ actor?: string }>('/api/session').catch(() => undefined);
  if (session !== undefined && session.actor === undefined) location.reload();
}

/** The newest state of a stream of states. */
export function useLiveState<T extends object>(
  url: string | undefined,
): { readonly value?: T; readonly problem?: string; readonly link: LinkState } {
  const [state, setState] = useState<{ value?: T; problem?: string }>({});
  useEffect(() => setState({}), [url]);
  const link = useLive<T | { problem: string }>(url, (message) => {
    setState((before) => ('problem' in message ? { ...before, problem: message.problem } : { value: message }));
  });
  return { ...state, link };
}
