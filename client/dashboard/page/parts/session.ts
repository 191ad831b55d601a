import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { Session } from '../../shapes.js';

export const SessionContext = createContext<Session | undefined>(undefined);

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (session === undefined) throw new Error('There is no session.');
  return session;
}
