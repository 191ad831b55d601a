// Entry of the set-up: `node worker/setup/main.mjs [npm] [temporal] [python] [search]` before `npm start` and `npm test`.
// Old Node versions must be able to read this file, so it has no static import and no new syntax.
var version = process.versions.node.split('.').map(Number);
var major = version[0] || 0;
var minor = version[1] || 0;

if (major < 20 || (major === 20 && minor < 19)) {
  console.error(
    'Evertrain needs Node 20.19 or newer; this is Node ' +
      process.versions.node +
      ' (' +
      process.execPath +
      '). Install a current one from https://nodejs.org or with your version manager, for example `nvm install 22`.',
  );
  process.exitCode = 1;
} else {
  void import('./set-up.mjs')
    .then(function (setUp) {
      return setUp.main(process.argv.slice(2));
    })
    .then(function (exitCode) {
      process.exitCode = exitCode;
    });
}
