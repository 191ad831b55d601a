import { vi } from 'vitest';

/** Before each file of those that share a process: they share the packages that are loaded, not our modules' state. */
vi.resetModules();
