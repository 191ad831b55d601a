import type { ComponentChildren } from 'preact';
import { useLiveState } from '../api.js';
import { ErrorText } from './error-text.js';

interface LivePageProps<T> {
  readonly title: string;
  /** Of a stream of states. */
  readonly url: string;
  /** Beside the title, once there is a state. */
  readonly actions?: (value: T) => ComponentChildren;
  readonly children: (value: T) => ComponentChildren;
}

/** A page that shows the newest state of something, and what stands in the way of it. */
export function LivePage<T extends object>({ title, url, actions, children }: LivePageProps<T>) {
  const { value, problem, link } = useLiveState<T>(url);
  return (
    <>
      <div class="title">
        <h1>{title}</h1>
        <LinkSign link={link} />
        <span class="spacer" />
        {value !== undefined && actions?.(value)}
      </div>
      {problem !== undefined && <ErrorText error={problem} />}
      {value === undefined && problem === undefined && <p aria-busy="true" class="waiting" />}
      {value !== undefined && children(value)}
    </>
  );
}

export function LinkSign({ link }: { link: string }) {
  if (link === 'lost') return <span class="tag bad">the dashboard’s server is away, trying again</span>;
  return link === 'open' ? <span class="tag live">live</span> : null;
}
