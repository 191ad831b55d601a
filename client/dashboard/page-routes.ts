import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Hono } from 'hono';

const types: Readonly<Record<string, string>> = {
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
};

/** The built pages: files named by their content, kept for ever; every other path is the page itself, which is not. */
export function pageRoutes(app: Hono, folder: string): void {
  app.get('/assets/:file{[A-Za-z0-9_-]+(\\.[A-Za-z0-9_-]+)*\\.(js|css|svg)}', async (c) => {
    const file = c.req.param('file');
    const content = await readFile(join(folder, 'assets', file)).catch(() => undefined);
    if (content === undefined) return c.notFound();
    const type = types[file.slice(file.lastIndexOf('.') + 1)] ?? 'text/plain';
    return c.body(new Uint8Array(content), 200, {
      'content-type': type,
      'cache-control': 'public, max-age=31536000, immutable',
    });
  });
  app.all('/api/*', (c) => c.json({ message: 'There is nothing at this path.' }, 404));
  app.get('*', async (c) => {
    c.header('cache-control', 'no-cache');
    return c.html(await readFile(join(folder, 'index.html'), 'utf8'));
  });
}
