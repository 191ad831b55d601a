import { defineConfig } from 'vite';

export default defineConfig({
  base: '/',
  // The Content-Security-Policy lets nothing in that is inlined.
  build: { assetsInlineLimit: 0, modulePreload: { polyfill: false }, emptyOutDir: true, target: 'es2022' },
});
