// Keeps one core busy until it is ended: what stress.mjs runs beside the suites.
for (;;) Math.random();
