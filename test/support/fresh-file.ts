import { vi } from 'vitest';

/** Before each file: files that share a process share the packages that are loaded, not our modules' state or variables. */
vi.resetModules();
vi.unstubAllEnvs();
