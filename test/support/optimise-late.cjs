// Preloaded by optimise-late.ts. V8's default is 67,584 bytes of bytecode; 1 to 20 million were equally cheap.
require('node:v8').setFlagsFromString('--interrupt-budget=5000000');
