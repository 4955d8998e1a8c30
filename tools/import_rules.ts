/**
 * Who may import and name what: the table that `check_imports.ts` enforces. It is the picture of
 * the folders, as data; to change the architecture, change it here first.
 *
 * @module
 */

/** What the files under one path may do. */
export interface Rule {
  /** The files it is about: a path or the beginning of one, from the repository. Longest wins. */
  readonly files: string;
  /** Paths, or beginnings of paths, of what they may import beside their own folder. */
  readonly imports: readonly string[];
  /** Whether they may import `node:` modules, and modules by a computed name. */
  readonly node?: boolean;
  /** Names of {@link WORLD} that they may use; `true` for all. Default: none. */
  readonly world?: true | readonly string[];
}

const core = ["src/contract/"];
/** Everything that an assembly puts together. */
const parts = [
  "src/contract/",
  "src/connect/",
  "src/recv/",
  "src/send/",
  "src/lifecycle/",
  "src/reconnect/",
  "src/runtime/",
];

/** One row per folder. What no row covers may import anything. */
export const RULES: readonly Rule[] = [
  { files: "src/contract/", imports: [] },
  // One pure window counts attempts here and tokens there.
  { files: "src/connect/", imports: [...core, "src/send/token_window.ts"] },
  { files: "src/recv/", imports: core },
  { files: "src/send/", imports: core },
  { files: "src/lifecycle/", imports: core },
  { files: "src/rfc6455/", imports: core },
  { files: "src/reconnect/", imports: [...core, "src/lifecycle/"] },
  { files: "src/testing/", imports: [...core, "src/lifecycle/", "src/runtime/clock.ts"] },
  // Cases over real sockets: they wait in real time and ask the server what it saw.
  {
    files: "src/testing/conformance",
    imports: core,
    world: ["setTimeout", "clearTimeout", "performance", "fetch", "crypto"],
  },
  { files: "src/runtime/", imports: [...core, "src/rfc6455/"], node: true, world: true },
  { files: "src/", imports: [...parts, "src/"] },
  { files: "mod.ts", imports: [...parts, "src/"] },
  // What a user could have written: they see only what a user sees.
  { files: "src/venues/", imports: [...core, "mod.ts"] },
  {
    files: "src/worker/",
    // Heartbeat, ring and a leaf run inside the worker.
    imports: [...core, "mod.ts", "src/recv/", "src/runtime/"],
    node: true,
    world: ["Worker", "self", "globalThis"],
  },
  { files: "src/cli/", imports: [...core, "mod.ts", "PUBLIC"], node: true, world: true },
  // Servers, not clients: they stand on the tests' raw server.
  ...["examples/sim/", "examples/demo/server.ts"].map((files) => ({
    files,
    imports: [...core, "mod.ts", "PUBLIC", "examples/", "tests/support/"],
    node: true,
    world: true as const,
  })),
  {
    files: "examples/",
    imports: [...core, "mod.ts", "PUBLIC", "examples/"],
    node: true,
    world: true,
  },
];

/** Folders that `src/` and `mod.ts` do not reach although they lie under `src/`. */
export const NOT_CORE: readonly string[] = [
  "src/venues/",
  "src/worker/",
  "src/cli/",
  "src/testing/",
  "src/rfc6455/",
];

/** The entry point of a runtime binds `connect` and `open` to it, so it sees the assembly. */
export const RUNTIME_ENTRIES_IMPORT = "src/";

/** Names that stand for the world outside; only `src/runtime/` may say them. */
export const WORLD: ReadonlySet<string> = new Set([
  "WebSocket",
  "WebSocketStream",
  "EventSource",
  "fetch",
  "Worker",
  "setTimeout",
  "setInterval",
  "setImmediate",
  "clearTimeout",
  "clearInterval",
  "clearImmediate",
  "queueMicrotask",
  "requestAnimationFrame",
  "scheduler",
  "Date",
  "performance",
  "crypto",
  "console",
  "Deno",
  "Bun",
  "process",
  "Buffer",
  "navigator",
  "location",
  "document",
  "window",
  "self",
  "global",
  "globalThis",
]);

/** Members that stand for the world outside. */
export const WORLD_MEMBERS: ReadonlySet<string> = new Set([
  "Math.random",
  "AbortSignal.timeout",
  "AbortSignal.any",
]);

/** What some supported platform lacks, with the platform: nobody may use it in published source. */
export const LACKING: ReadonlyMap<string, string> = new Map([
  ["ReadableStream.from", "Chromium lacks it"],
  ["Promise.try", "Node 22 lacks it"],
  ["Uint8Array.fromBase64", "Node 22 and 24 lack it"],
  ["Uint8Array.fromHex", "Node 22 and 24 lack it"],
  ["AsyncDisposableStack", "Node 22 lacks it"],
  ["DisposableStack", "Node 22 lacks it"],
  ["SuppressedError", "Node 22 lacks it"],
]);

/** Constructors of events: `ErrorEvent` and `CloseEvent` are missing on some Nodes. */
export const EVENT_CONSTRUCTOR = /^([A-Z]\w*)?Event$/;

/** Files that decide and do nothing else. */
export const PURE = /(^|\/)([a-z0-9_]*_)?(machine|ring|window)\.ts$|(^|\/)(backoff|classify)\.ts$/;

/** What pure files do not even name. */
export const IMPURE: ReadonlySet<string> = new Set([
  "Promise",
  "ReadableStream",
  "WritableStream",
  "TransformStream",
]);
