import { type FSWatcher, readdirSync, watch } from 'node:fs';
import { join } from 'node:path';

const passedOver = /^(\.|node_modules$|__pycache__$)/;

/**
 * Calls back once after each burst of changes to files of these endings, in the folders and below. Every folder has a
 * watcher of its own: Node's recursive one loses a file on Linux when an editor saves it by renaming.
 */
export function watchFolders(roots: readonly string[], files: RegExp, changed: () => void): () => void {
  const watchers = new Map<string, FSWatcher>();
  let timer: NodeJS.Timeout | undefined;
  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(changed, 200);
  };
  const follow = (folder: string, isNew: boolean) => {
    for (const entry of entriesOf(folder)) {
      if (entry.isDirectory()) {
        if (!passedOver.test(entry.name)) add(join(folder, entry.name), isNew);
      } else if (isNew && files.test(entry.name)) soon();
    }
  };
  const drop = (folder: string) => {
    for (const [path, watcher] of watchers) {
      if (path !== folder && !path.startsWith(join(folder, '/'))) continue;
      watcher.close();
      watchers.delete(path);
    }
  };
  const add = (folder: string, isNew: boolean) => {
    if (watchers.has(folder)) return;
    const watcher = watch(folder, (kind, name) => {
      if (name !== null && files.test(name)) soon();
      else if (kind === 'rename' && name !== null && !passedOver.test(name)) {
        // A folder came, went, or is another one by now.
        if (watchers.has(join(folder, name))) soon();
        drop(join(folder, name));
        follow(folder, true);
      }
    });
    watcher.on('error', () => drop(folder));
    watchers.set(folder, watcher);
    follow(folder, isNew);
  };
  for (const root of roots) if (entriesOf(root).length > 0) add(root, false);
  return () => {
    clearTimeout(timer);
    for (const watcher of watchers.values()) watcher.close();
  };
}

function entriesOf(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    // Absent, or gone since the event.
    return [];
  }
}
