// The check that keeps the architecture is itself checked: each rule gets a source that breaks it.
import { assert, assertEquals } from "@std/assert";
import { PURE, RULES } from "../../tools/import_rules.ts";
import { test } from "../support/harness.ts";

const deno = { only: ["deno"] } as const;

/** What the plugin says about a source, if it stood in this file. */
async function problems(file: string, source: string): Promise<string[]> {
  const { default: plugin } = await import("../../tools/check_imports.ts");
  return Deno.lint.runPlugin(plugin, file, source).map(({ message }) => message);
}

const BROKEN: readonly (readonly [file: string, source: string, says: string])[] = [
  ["src/contract/a.ts", `import { b } from "../lifecycle/b.ts";`, "imports only nothing"],
  ["src/contract/a.ts", `export * from "../recv/b.ts";`, "Cannot import src/recv/b.ts"],
  ["src/contract/a.ts", `export { b } from "../recv/b.ts";`, "Cannot import src/recv/b.ts"],
  ["src/contract/a.ts", `import type { B } from "../stack.ts";`, "Cannot import src/stack.ts"],
  ["src/contract/a.ts", `type B = import("../recv/b.ts").B;`, "Cannot import src/recv/b.ts"],
  ["src/recv/a.ts", `const b = await import("../send/b.ts");`, "Cannot import src/send/b.ts"],
  ["src/recv/a.ts", `const name = "b"; await import(name);`, "computed name"],
  ["src/send/a.ts", `import { b } from "../recv/b.ts";`, "Cannot import src/recv/b.ts"],
  ["src/lifecycle/a.ts", `import { b } from "../reconnect/b.ts";`, "Cannot import src/reconnect"],
  ["src/connect/a.ts", `import { b } from "../runtime/web.ts";`, "Cannot import src/runtime"],
  ["src/reconnect/a.ts", `import { b } from "../recv/b.ts";`, "Cannot import src/recv/b.ts"],
  ["src/testing/a.ts", `import { b } from "../reconnect/b.ts";`, "Cannot import src/reconnect"],
  ["src/rfc6455/a.ts", `import { b } from "../runtime/b.ts";`, "Cannot import src/runtime/b.ts"],
  ["src/runtime/a.ts", `import { b } from "../stack.ts";`, "Cannot import src/stack.ts"],
  ["src/venues/a.ts", `import { b } from "../recv/b.ts";`, "Cannot import src/recv/b.ts"],
  ["src/worker/a.ts", `import { b } from "../send/b.ts";`, "Cannot import src/send/b.ts"],
  ["src/cli/a.ts", `import { b } from "../recv/b.ts";`, "Cannot import src/recv/b.ts"],
  ["src/stack.ts", `import { b } from "./venues/mod.ts";`, "Cannot import src/venues/mod.ts"],
  ["mod.ts", `export * from "./src/cli/main.ts";`, "Cannot import src/cli/main.ts"],
  ["examples/demo/a.ts", `import { b } from "../../src/recv/b.ts";`, "Cannot import src/recv"],
  ["src/recv/a.ts", `import { assert } from "@std/assert";`, "no dependencies"],
  ["src/runtime/node.ts", `import { x } from "npm:undici";`, "no dependencies"],
  ["src/recv/a.ts", `import { Buffer } from "node:buffer";`, "node: modules"],

  ["src/recv/a.ts", `new WebSocket("ws://x");`, "Cannot name WebSocket"],
  ["src/recv/a.ts", `export let a: WebSocket | undefined;`, "Cannot name WebSocket"],
  ["src/recv/a.ts", `setTimeout(() => {}, 1);`, "Cannot name setTimeout"],
  ["src/recv/a.ts", `setInterval(() => {}, 1);`, "Cannot name setInterval"],
  ["src/recv/a.ts", `export const stop = clearTimeout;`, "Cannot name clearTimeout"],
  ["src/recv/a.ts", `queueMicrotask(() => {});`, "Cannot name queueMicrotask"],
  ["src/recv/a.ts", `export const now = Date.now();`, "Cannot name Date"],
  ["src/recv/a.ts", `export const now = performance.now();`, "Cannot name performance"],
  ["src/recv/a.ts", `export const n = Math.random();`, "Cannot name Math.random"],
  ["src/recv/a.ts", `export const n = Math["random"]();`, "Cannot name Math.random"],
  ["src/recv/a.ts", `AbortSignal.timeout(1);`, "Cannot name AbortSignal.timeout"],
  ["src/recv/a.ts", `AbortSignal.any([]);`, "Cannot name AbortSignal.any"],
  ["src/recv/a.ts", `export const x = Deno.env;`, "Cannot name Deno"],
  ["src/recv/a.ts", `declare const Bun: unknown; export const x = Bun;`, "Cannot name Bun"],
  ["src/recv/a.ts", `export const x = process.env;`, "Cannot name process"],
  ["src/recv/a.ts", `export const x = navigator.userAgent;`, "Cannot name navigator"],
  ["src/recv/a.ts", `globalThis.setTimeout(() => {}, 1);`, "Cannot name globalThis"],
  ["src/recv/a.ts", `const { Date: D } = globalThis; new D();`, "Cannot name globalThis"],
  ["src/recv/a.ts", `export const world = { fetch };`, "Cannot name fetch"],
  ["src/testing/conformance.ts", `new WebSocket("ws://x");`, "Cannot name WebSocket"],
  ["src/worker/a.ts", `setTimeout(() => {}, 1);`, "Cannot name setTimeout"],

  ["src/runtime/a.ts", `ReadableStream.from([]);`, "Chromium lacks it"],
  ["src/runtime/a.ts", `new CloseEvent("close");`, "Cannot construct CloseEvent"],
  ["src/runtime/a.ts", `new Event("x");`, "Cannot construct Event"],
  ["src/runtime/a.ts", `export const s = new AsyncDisposableStack();`, "Node 22 lacks it"],
  ["src/recv/a.ts", `export const t = { transform() {}, cancel() {} };`, "a transformer's cancel"],
  ["src/runtime/a.ts", `{ using a = b(); }`, "Cannot use `using`"],
  ["tests/a_test.ts", `async () => { await using a = b(); };`, "Cannot use `using`"],
  ["tests/a_test.ts", `class A { accessor b = 1; }`, "Cannot use `accessor`"],

  ["src/reconnect/machine.ts", `export async function f() {}`, "Cannot be async"],
  ["src/recv/liveness_machine.ts", `export const f = async () => {};`, "Cannot be async"],
  ["src/recv/frame_ring.ts", `export let p: Promise<void>;`, "Cannot name Promise"],
  ["src/recv/frame_ring.ts", `export const p = Promise.resolve();`, "Cannot name Promise"],
  ["src/send/token_window.ts", `await 0;`, "Cannot await"],
  ["src/reconnect/backoff.ts", `export let r: ReadableStream;`, "Cannot name ReadableStream"],
];

for (const [file, source, says] of BROKEN) {
  test(`check_imports reports ${source} in ${file}`, deno, async () => {
    const said = await problems(file, source);
    assert(said.some((message) => message.includes(says)), `said ${JSON.stringify(said)}`);
  });
}

const SOUND: readonly (readonly [file: string, source: string])[] = [
  ["src/recv/a.ts", `// WebSocket, setTimeout\n/* Date.now() */ export const a = "Deno";`],
  ["src/recv/a.ts", "export const a = `process ${1} navigator`; export const b = /Date/;"],
  [
    "src/recv/a.ts",
    `export interface A { process: 1; Date(): void } export let f = (a: A) => a.Date;`,
  ],
  ["src/recv/a.ts", `export class A { performance = 1; fetch() { return this.performance; } }`],
  ["src/send/token_window.ts", `export function f(window: number[]) { return window.length; }`],
  ["src/send/token_window.ts", `export const f = ({ self }: { self: 1 }) => self;`],
  ["src/recv/a.ts", `import { b } from "../contract/b.ts"; import { c } from "./c.ts"; b(c);`],
  ["src/reconnect/a.ts", `import { b } from "../lifecycle/watch.ts"; b();`],
  ["src/runtime/a.ts", `import { b } from "../rfc6455/b.ts"; new WebSocket(b); Date.now();`],
  ["src/runtime/node.ts", `import { b } from "../stack.ts"; import "node:net"; b();`],
  [
    "src/stack.ts",
    `import { b } from "./reconnect/b.ts"; import { c } from "./runtime/web.ts"; b(c);`,
  ],
  ["mod.ts", `export { stack } from "./src/stack.ts";`],
  [
    "examples/demo/main.ts",
    `import { open } from "../../mod.ts"; import "./b.ts"; open(Date.now());`,
  ],
  ["src/recv/a.ts", `export function f(e: Event): string { return e.type; }`],
  ["tests/a_test.ts", `import "npm:ws"; setTimeout(() => {}, 1); new Event("x");`],
];

for (const [file, source] of SOUND) {
  test(`check_imports accepts ${source.split("\n")[0]} in ${file}`, deno, async () => {
    assertEquals(await problems(file, source), []);
  });
}

test("check_imports has a rule for every folder of the core", deno, () => {
  const rows = new Set(RULES.map(({ files }) => files));
  for (const { name, isDirectory } of Deno.readDirSync("src")) {
    if (isDirectory) assert(rows.has(`src/${name}/`), `src/${name}/ has no row in RULES`);
  }
});

test("check_imports knows the pure files by their names", () => {
  for (const name of ["machine", "liveness_machine", "frame_ring", "token_window", "backoff"]) {
    assert(PURE.test(`src/x/${name}.ts`), name);
  }
  for (const name of ["machinery", "string", "supervisor"]) {
    assert(!PURE.test(`src/x/${name}.ts`), name);
  }
});
