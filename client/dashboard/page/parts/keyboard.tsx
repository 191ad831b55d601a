import { useEffect, useRef, useState } from 'preact/hooks';
import { useLocation } from 'wouter-preact';

interface KeyboardProps {
  /** A path, its name, and the key that leads there after `g`. */
  readonly places: ReadonlyArray<readonly [path: string, name: string, key: string]>;
}

/** Between `g` and the key of a page. */
const patienceMs = 1_500;
/** What `j` and `k` go over, in the order of the page: the first thing in each that leads on. */
const entries = 'main tbody tr, main .card, main .timeline-row';
const leading = 'a, button.plain';

/** Keys for those who use no mouse; `?` shows them. They do nothing while somebody types. */
export function Keyboard({ places }: KeyboardProps) {
  const [, go] = useLocation();
  const [isShown, show] = useState(false);
  const wentAt = useRef(-Infinity);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key === 'Escape') show(false);
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      const isAfterG = event.timeStamp - wentAt.current < patienceMs;
      const place = isAfterG ? places.find(([, , key]) => key === event.key) : undefined;
      wentAt.current = event.key === 'g' ? event.timeStamp : -Infinity;
      if (place !== undefined) go(place[0]);
      else if (event.key === '/') focusFilter();
      else if (event.key === 'j') moveBy(1);
      else if (event.key === 'k') moveBy(-1);
      else if (event.key === '?') show(true);
      else return;
      event.preventDefault();
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, [places]);
  return (
    <>
      <button type="button" class="plain" aria-label="Keys" title="Keys (?)" onClick={() => show(true)}>
        ⌨
      </button>
      {isShown && <Help places={places} close={() => show(false)} />}
    </>
  );
}

function Help({ places, close }: KeyboardProps & { close: () => void }) {
  const box = useRef<HTMLDialogElement>(null);
  useEffect(() => box.current?.showModal(), []);
  const rows = [
    ['/', 'to the filter'],
    ['j', 'to the next entry of a list'],
    ['k', 'to the one before'],
    ['Enter', 'opens it'],
    ...places.map(([, name, key]) => [`g ${key}`, name] as const),
    ['?', 'these keys'],
    ['Esc', 'closes them'],
  ] as const;
  return (
    <dialog ref={box} aria-label="Keys" onClose={close}>
      <article>
        <h2>Keys</h2>
        <dl class="keys">
          {rows.map(([keys, what]) => (
            <div key={keys}>
              <dt>
                {keys.split(' ').map((key) => (
                  <kbd key={key}>{key}</kbd>
                ))}
              </dt>
              <dd>{what}</dd>
            </div>
          ))}
        </dl>
        <footer>
          <button type="button" onClick={close}>
            Close
          </button>
        </footer>
      </article>
    </dialog>
  );
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest('textarea, select, dialog, input:not([type="checkbox"])') !== null;
}

function focusFilter(): void {
  const first = (selector: string) => document.querySelector<HTMLElement>(`main ${selector}`);
  (first('input[type="search"]') ?? first(':is(.filters, form) :is(input, select)'))?.focus();
}

/** From the entry that has the focus, or to the first one. */
function moveBy(step: 1 | -1): void {
  const all = [...document.querySelectorAll<HTMLElement>(entries)].flatMap((entry) => {
    const link = entry.matches('button') ? entry : entry.querySelector<HTMLElement>(leading);
    return link === null ? [] : [{ entry, link }];
  });
  const at = all.findIndex(({ entry }) => entry.contains(document.activeElement));
  const next = at < 0 ? 0 : Math.min(all.length - 1, Math.max(0, at + step));
  all[next]?.link.focus();
}
