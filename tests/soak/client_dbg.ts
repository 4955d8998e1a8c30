import { writeHeapSnapshot } from "node:v8";
for (const [i, s] of [[1, 30], [2, 75]] as const) setTimeout(() => { globalThis.gc!(); globalThis.gc!(); writeHeapSnapshot(`/tmp/soak${i}.heapsnapshot`); }, s * 1000);
await import("./client.ts");
