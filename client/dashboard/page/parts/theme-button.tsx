import { useEffect, useState } from 'preact/hooks';

type Theme = 'light' | 'dark';

const kept = 'evertrain.theme';

/** As the system has it, until somebody chooses. */
export function ThemeButton() {
  const [theme, setTheme] = useState<Theme>(first);
  useEffect(() => {
    document.documentElement.dataset['theme'] = theme;
  }, [theme]);
  const other: Theme = theme === 'dark' ? 'light' : 'dark';
  const change = () => {
    localStorage.setItem(kept, other);
    setTheme(other);
  };
  return (
    <button type="button" class="plain" onClick={change} aria-label={`Use ${other} colours`} title={`${other} colours`}>
      {theme === 'dark' ? '☀' : '☾'}
    </button>
  );
}

function first(): Theme {
  const chosen = localStorage.getItem(kept);
  if (chosen === 'light' || chosen === 'dark') return chosen;
  return matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
}
