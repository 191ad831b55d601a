import '@picocss/pico/css/pico.indigo.css';
import './style.css';
import { render } from 'preact';
import { lazy, Suspense } from 'preact/compat';
import { useEffect, useState } from 'preact/hooks';
import { Link, Redirect, Route, Switch, useLocation } from 'wouter-preact';
import type { Session } from '../shapes.js';
import { act, ask, beginLive, urlOf } from './api.js';
import { setServerTime } from './format.js';
import { RunsPage } from './pages/runs.js';
import { ErrorText } from './parts/error-text.js';
import { Keyboard } from './parts/keyboard.js';
import { SessionContext } from './parts/session.js';
import { ThemeButton } from './parts/theme-button.js';

/** By path; the one that is asked for is fetched while the session is. */
const loaders = {
  '/run': () => import('./pages/run.js').then(({ RunPage }) => ({ default: RunPage })),
  '/models': () => import('./pages/models.js').then(({ ModelsPage }) => ({ default: ModelsPage })),
  '/model': () => import('./pages/model.js').then(({ ModelPage }) => ({ default: ModelPage })),
  '/assets': () => import('./pages/assets.js').then(({ AssetsPage }) => ({ default: AssetsPage })),
  '/logs': () => import('./pages/logs.js').then(({ LogsPage }) => ({ default: LogsPage })),
  '/queues': () => import('./pages/queues.js').then(({ QueuesPage }) => ({ default: QueuesPage })),
  '/schedules': () => import('./pages/schedules.js').then(({ SchedulesPage }) => ({ default: SchedulesPage })),
  '/variables': () => import('./pages/variables.js').then(({ VariablesPage }) => ({ default: VariablesPage })),
  '/compare': () => import('./pages/compare.js').then(({ ComparePage }) => ({ default: ComparePage })),
  '/start': () => import('./pages/start.js').then(({ StartPage }) => ({ default: StartPage })),
} as const;

const lazyPages = Object.entries(loaders).map(([path, load]) => [path, lazy(load)] as const);
void (loaders as Readonly<Record<string, () => Promise<unknown>>>)[location.pathname]?.();

if (location.pathname === '/run' && !document.hidden) {
  const asked = new URLSearchParams(location.search);
  beginLive(urlOf('/api/run/live', { id: asked.get('id') ?? '', run: asked.get('run') ?? '' }));
}

const places = [
  ['/runs', 'Runs', 'r'],
  ['/models', 'Models', 'm'],
  ['/assets', 'Assets', 'a'],
  ['/schedules', 'Schedules', 's'],
  ['/queues', 'Queues', 'q'],
  ['/logs', 'Logs', 'l'],
  ['/variables', 'Variables', 'v'],
] as const;

function App() {
  const [session, setSession] = useState<Session>();
  const [problem, setProblem] = useState<unknown>();
  const load = () => {
    ask<Session>('/api/session').then((found) => {
      setServerTime(found.now);
      setSession(found);
    }, setProblem);
  };
  useEffect(load, []);
  if (problem !== undefined) return <ErrorText error={problem} />;
  if (session === undefined) return <main aria-busy="true" class="waiting" />;
  if (session.actor === undefined) return <Login onDone={load} />;
  return (
    <SessionContext.Provider value={session}>
      <Header session={session} />
      <main>
        <Suspense fallback={<p aria-busy="true" class="waiting" />}>
          <Switch>
            <Route path="/runs" component={RunsPage} />
            {lazyPages.map(([path, page]) => (
              <Route key={path} path={path} component={page} />
            ))}
            <Route path="/">
              <Redirect to="/runs" replace />
            </Route>
            <Route>
              <h1>There is no such page</h1>
              <p>
                See the <Link href="/runs">runs</Link>.
              </p>
            </Route>
          </Switch>
        </Suspense>
      </main>
    </SessionContext.Provider>
  );
}

function Header({ session }: { session: Session }) {
  const [path] = useLocation();
  return (
    <header class="top">
      <Link href="/runs" class="brand">
        <img src={new URL('./icon.svg', import.meta.url).href} alt="" width="22" height="22" /> Evertrain
      </Link>
      <nav aria-label="Pages">
        {places.map(([to, name]) => (
          <Link key={to} href={to} aria-current={to.startsWith(path.slice(0, 4)) && path !== '/' ? 'page' : undefined}>
            {name}
          </Link>
        ))}
      </nav>
      <span class="spacer" />
      {session.isReadOnly && <span class="tag">read-only</span>}
      <span class="muted where" title={session.address}>
        {session.namespace}
      </span>
      {session.temporalUi !== undefined && (
        <a href={session.temporalUi} target="_blank" rel="noreferrer" class="where">
          Temporal ↗
        </a>
      )}
      <span class="muted where">{session.actor}</span>
      <Keyboard places={places} />
      <ThemeButton />
    </header>
  );
}

function Login({ onDone }: { onDone: () => void }) {
  const [problem, setProblem] = useState<unknown>();
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const { name, token } = Object.fromEntries(new FormData(event.target as HTMLFormElement));
    act('/api/login', { name, token }).then(onDone, setProblem);
  };
  return (
    <main class="login">
      <form onSubmit={submit}>
        <h1>Evertrain</h1>
        <label>
          Your name
          <input name="name" required autocomplete="name" maxLength={100} />
          <small>It is recorded with what you do.</small>
        </label>
        <label>
          Token of this dashboard
          <input name="token" type="password" required autocomplete="current-password" />
        </label>
        {problem !== undefined && <ErrorText error={problem} />}
        <button type="submit">Log in</button>
      </form>
    </main>
  );
}

const root = document.getElementById('app');
if (root !== null) render(<App />, root);
