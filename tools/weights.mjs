// What connect() would weigh without parts of it, as a table: `node tools/weights.mjs`. Each part is replaced by the least that the others need to be
// bundled (it need not work), and the bundle is measured as the gate of runner/sizes.mjs measures it (esbuild --bundle --minify --format=esm
// --target=es2022, gzip 9).
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { root } from "./runner/paths.mjs";

// Required, as a check without packages would miss an import.
const { build, transform } = createRequire(import.meta.url)("esbuild");

/** Defaults as they are, and nothing looked at. */
const OPTIONS = `
export class OptionCheck { note() {} read() {} within() { return this; } known() {} positive(_, d) { return d; } whole(_, d) { return d; } callable() {} members() {} done() {} }
export function livenessOf(check, o) { return o ?? {}; }
export function resolveOptions(o) {
  return {
    connectTimeoutMs: 10_000, startTimeoutMs: 60_000, permanentRetries: 2, shutdownTimeoutMs: 2_000, ...o,
    backoff: { minDelayMs: 500, maxDelayMs: 30_000, multiplier: 2, ...o.backoff },
    liveness: { staleAfterMs: 60_000, ...o.liveness },
    buffer: { maxFrames: 16_384, maxBytes: 16_777_216, overflow: "dropOldest", ...o.buffer },
    recv: o.recv ?? [],
    send: { maxWaitingFrames: 1_024, maxWaitingBytes: 4_194_304, highWaterMarkBytes: 1_048_576, timeoutMs: 30_000, layers: [], ...o.send },
  };
}`;

/** Url, subprotocols and headers as they come. */
const HANDSHAKE = `
export function isHandshakeError() { return false; }
export function headersOf(init) { return new Headers(init); }
export function handshakeOf({ url, protocols = [], headers }) { return { url: new URL(url), protocols, headers: new Headers(headers) }; }
export function checkHandshake() {}
export function wireHandshake(handshake) { return handshake; }
export function refuseHeaders() {}
export function basicOf() {}
export function checkProtocol() {}
export function redactedUrl(url) { return url.host; }`;

/** Sends at once or not at all. */
const OUTBOX = `
export class Outbox {
  sent = 0; waiting = 0; waitingBytes = 0; #session;
  open(session) { this.#session = session; }
  start() {} lose() { this.#session = undefined; } end() { this.#session = undefined; }
  async send(frame) { this.#session.connection.send(frame); this.sent++; }
  sendFirst(frame) { return this.send(frame); }
  sendAside(frame) { this.send(frame).catch(() => {}); }
}`;

const parts = {
  options: ["the checks of options (their defaults stay)", { "src/contract/options.ts": OPTIONS }],
  handshake: ["the checks of url, headers and subprotocols", {
    "src/contract/handshake.ts": HANDSHAKE,
  }],
  layers: ["layers on both axes (`fuse`)", {
    "src/recv/fuse.ts":
      `export function fuse(layer) { return layer; } export function fuseWith(layers) { return layers[0]; }`,
  }],
  writable: ["`writable`", {
    "src/send/held_writable.ts": `export function heldWritable() { return new WritableStream(); }`,
  }],
  budget: ["the attempt budget", {
    "src/connect/attempt_budget.ts":
      `export class Budget {} export function budgeted() { return (next) => next; } export function attemptBudget() {}`,
  }],
  heartbeat: ["the heartbeat", {
    "src/recv/heartbeat.ts":
      `export class Heartbeat { hearsAll = true; start() {} hear() {} stop() {} transform(frame, controller) { controller.enqueue(frame); } } export function heartbeat() {}`,
  }],
  forms: ["`for await`, `batches()` and the quick reader (`readable` stays)", {
    "src/recv/quick_reader.ts":
      `export class QuickStream extends ReadableStream { constructor(source) { super(source, { highWaterMark: 0 }); } }`,
    // Without what only they call.
    "src/recv/drop_oldest_buffer.ts": (text) =>
      text.replace(
        /return this\.#direct\(\{[\s\S]*?\n {4}\}, preventCancel\);/,
        "return this.readable.values();",
      )
        .replace(
          /return this\.#direct\(this\.#collect\(maxFrames\), preventCancel\);/,
          "return this.readable.values();",
        )
        .replace(
          / {2}\/\*\* A batch is what there is one turn[\s\S]*?(?= {2}\/\*\* Frames in the stream's own queue)/,
          "",
        ),
  }],
  dial: ["`auth`, `connectTimeoutMs`, the url function and tracing", {
    "src/connect/auth.ts": `export function auth() { return (next) => next; }`,
    "src/connect/connect_timeout.ts":
      `export function deadline() { return (next) => next; } export function connectTimeout() {}`,
    "src/connect/url_source.ts": `export function urlSource() { return (next) => next; }`,
    "src/connect/tracing.ts":
      `export function traced(context) { return context; } export function tracing() {}`,
  }],
  outbox: ["the outbox: queue, bounds, holding, pacing (a frame is sent at once or fails)", {
    "src/send/outbox.ts": OUTBOX,
    "src/send/send_rate_limit.ts": `export function gateOf() {} export function sendRateLimit() {}`,
    "src/send/held_writable.ts": `export function heldWritable() { return new WritableStream(); }`,
  }],
};

async function bundle(replaced) {
  const left = new Set(Object.keys(replaced));
  const plugin = {
    name: "whatif",
    setup({ onLoad }) {
      onLoad({ filter: /\.ts$/ }, ({ path }) => {
        for (const [file, contents] of Object.entries(replaced)) {
          if (path !== join(root, file)) continue;
          left.delete(file);
          if (typeof contents === "string") return { contents, loader: "js" };
          const text = readFileSync(path, "utf8");
          const changed = contents(text);
          if (changed === text) throw new Error(`nothing was cut from ${file}`);
          return { contents: changed, loader: "ts" };
        }
      });
    },
  };
  const { outputFiles } = await build({
    stdin: {
      contents: `export { connect } from ${JSON.stringify(join(root, "mod.ts"))};`,
      resolveDir: root,
      loader: "ts",
    },
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    external: ["node:*"],
    write: false,
    logLevel: "error",
    plugins: [plugin],
  });
  if (left.size > 0) throw new Error(`not part of the bundle: ${[...left].join(", ")}`);
  return outputFiles[0].text;
}

const gzipped = (text) => gzipSync(text, { level: 9 }).byteLength;

/** Where a string, template or regular expression that begins at `from` ends. */
function endOf(text, from) {
  const quote = text[from];
  let inClass = false;
  for (let at = from + 1;; at++) {
    const c = text[at];
    if (c === "\\") at++;
    else if (quote === "/" && (c === "[" || c === "]")) inClass = c === "[";
    else if (c === quote && !inClass) return at + 1;
    else if (quote === "`" && c === "$" && text[at + 1] === "{") {
      for (at += 2; text[at] !== "}"; at++) {
        if ("\"'`{".includes(text[at])) at = closing(text, at) - 1;
      }
    }
  }
}

function closing(text, from) {
  if (text[from] !== "{") return endOf(text, from);
  let at = from + 1;
  for (; text[at] !== "}"; at++) if ("\"'`{".includes(text[at])) at = closing(text, at) - 1;
  return at + 1;
}

/** The minified text with each message emptied: every string and template that holds a space. */
function mute(text) {
  let out = "";
  for (let at = 0; at < text.length;) {
    const isRegExp = text[at] === "/" && "(,=:[!&|?{};".includes(text[at - 1]);
    if (!isRegExp && !"\"'`".includes(text[at])) {
      out += text[at++];
      continue;
    }
    const literal = text.slice(at, at = endOf(text, at));
    out += isRegExp || !literal.includes(" ") ? literal : '""';
  }
  return out;
}

const merged = (...names) => Object.assign({}, ...names.map((name) => parts[name][1]));
const number = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, ",");

const full = await bundle({});
await transform(mute(full), { loader: "js" }); // it must still be a program
const whole = gzipped(full);
const rows = [["nothing", full.length, whole]];
for (const [name, [what]] of Object.entries(parts)) {
  const text = await bundle(merged(name));
  rows.push([what, text.length, gzipped(text)]);
}
rows.push(["the text of every message", mute(full).length, gzipped(mute(full))]);
const allButOutbox = await bundle(
  merged(...Object.keys(parts).filter((name) => name !== "outbox")),
);
rows.push([
  "all of these but the outbox and the messages",
  allButOutbox.length,
  gzipped(allButOutbox),
]);
const all = await bundle(merged(...Object.keys(parts)));
rows.push(["all of these but the messages", all.length, gzipped(all)]);
rows.push(["all of these", mute(all).length, gzipped(mute(all))]);

console.log("| connect() without | minified | gzipped | saves |\n| --- | ---: | ---: | ---: |");
for (const [what, minified, bytes] of rows) {
  console.log(`| ${what} | ${number(minified)} | ${number(bytes)} | ${number(whole - bytes)} |`);
}
