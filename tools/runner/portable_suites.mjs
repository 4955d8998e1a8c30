// The suites of platforms without a test framework: tests/portable.ts as one bundle, run by a
// page or an edge worker, which reports every step.
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openPage } from "./browsers.mjs";
import { cache, has } from "./paths.mjs";
import { end, run, start } from "./processes.mjs";
import { program } from "./programs.mjs";

const LIST = "tests/portable.ts";
const SERVER = "tests/support/scripted_main.ts";
/** What the page's worker runs; tests name it, so it is served under that name. */
const WORKER = "tests/worker/host_web.ts";

/** No suite may take longer. */
const limitMs = 240_000;

/** Bundles one module. */
async function bundle(entry, outfile) {
  const { code, text } = await run(program("esbuild"), [
    entry,
    "--bundle",
    "--format=esm",
    "--target=es2022",
    `--outfile=${join(cache, outfile)}`,
    "--external:./scripted.ts", // a page is told of a server; only runtimes with node:net start one
    "--external:node:*",
    "--log-level=warning",
  ], { quiet: true });
  if (code !== 0) throw new Error(`Cannot bundle ${entry}:\n${text}`);
}

/** The tests, then what runs them: modules evaluate in the order of their imports. */
async function bundleTests(runs, outfile) {
  mkdirSync(cache, { recursive: true });
  const entry = join(cache, `${outfile}.entry.ts`);
  const lines = [`import "../${LIST}";`, `export * from "../${runs}";`];
  const isModule = runs.endsWith("worker_entry.ts");
  if (isModule) lines.push(`export { default } from "../${runs}";`);
  writeFileSync(entry, `${lines.join("\n")}\n`);
  await bundle(entry, outfile);
}

/**
 * The scripted server in a process of its own. Its first line is its URL; it ends with its input.
 *
 * @returns {Promise<{ url: string, close(): Promise<void> }>}
 */
export async function scriptedServer() {
  const child = start(program("deno"), [
    "run",
    "--no-check",
    "--allow-net=127.0.0.1",
    "--allow-read=tests",
    "--allow-env",
    SERVER,
  ], { stdio: ["pipe", "pipe", "inherit"] });
  const gone = once(child, "exit");
  let text = "";
  for await (const chunk of child.stdout) {
    text += chunk;
    if (text.includes("\n")) break;
  }
  if (!text.includes("\n")) throw new Error(`${SERVER} ended without saying its URL`);
  return {
    url: text.split("\n")[0].trim(),
    async close() {
      child.stdin.end();
      const timer = setTimeout(() => end(child), 5_000);
      await gone;
      clearTimeout(timer);
      end(child, "SIGTERM"); // whatever it may have started
    },
  };
}

/** Reads a report to its end; a platform that falls silent is a failure with a name. */
function reader(context, platform) {
  const counts = { passed: 0, failed: 0, skipped: 0, text: "" };
  const tests = [];
  let running = "the first test";
  let done = false;
  const say = (line) => context.quiet ? counts.text += `${line}\n` : console.log(line);
  return {
    step(step) {
      if (step.type === "start") running = step.name;
      else if (step.type === "done") done = step.tests > 0;
      else {
        counts[step.outcome]++;
        tests.push({ name: step.name, outcome: step.outcome });
        running = `what follows "${step.name}"`;
        if (step.outcome === "failed") say(`not ok ${step.name}\n${step.error}`);
        else say(`${step.outcome === "passed" ? "ok" : "skip"} ${step.name} (${step.ms} ms)`);
      }
    },
    outcome(why) {
      const total = counts.passed + counts.failed + counts.skipped;
      const results = [{ platform, tests }];
      const outcome = { ...counts, text: context.quiet ? counts.text : undefined, results };
      if (done && why === "" && total > 0) return outcome;
      const note = total === 0 ? `ran nothing${why}` : `ended in ${running}${why}`;
      return { ...outcome, failed: counts.failed + 1, note };
    },
  };
}

function portable(name, needs, use) {
  return {
    name,
    needs: ["deno", "esbuild", ...needs],
    exists: () => has(LIST) && has(SERVER),
    file: LIST,
    async run(context) {
      const report = reader(context, name);
      const server = await scriptedServer();
      try {
        return report.outcome(await use(server.url, report));
      } finally {
        await server.close();
      }
    },
  };
}

/** The suite in a page, and what is special about a browser in more pages. */
function browser(name, ...more) {
  return portable(name, [name], async (server, report) => {
    await bundleTests("tests/support/page.ts", `${name}.js`);
    await bundle(WORKER, `${name}_worker.js`);
    const scripts = {
      "/page.js": join(cache, `${name}.js`),
      "/host_web.ts": join(cache, `${name}_worker.js`),
    };
    const common = { server, scripts, limitMs, step: report.step };
    let why = "";
    for (const special of [{}, ...more]) why += await openPage(name, { ...common, ...special });
    return why;
  });
}

/** Firefox as its users have it: it delays dials after failures. */
const delaying = {
  query: { only: "open() in a page", note: "Firefox delays dials" },
  preferences: { "network.websocket.delay-failed-reconnects": true },
};

/** workerd says on a descriptor of its own which port it took. */
function portOf(child) {
  return new Promise((resolve, reject) => {
    let text = "";
    const timer = setTimeout(() => reject(new Error("workerd did not start in 20 s")), 20_000);
    child.stdio[3].on("data", (data) => {
      text += data;
      const hit = /"event":"listen","socket":"http","port":(\d+)/.exec(text);
      if (hit !== null) {
        clearTimeout(timer);
        resolve(hit[1]);
      }
    });
    child.once("error", reject);
    child.once("exit", (code) => {
      clearTimeout(timer);
      reject(new Error(`workerd ended with ${code}`));
    });
  });
}

const workerd = portable("workerd", ["workerd"], async (server, report) => {
  await bundleTests("tests/support/worker_entry.ts", "worker.mjs");
  const child = start(program("workerd"), [
    "serve",
    "--control-fd=3",
    `--import-path=${cache}`,
    "tools/workerd.capnp",
  ], { stdio: ["ignore", "inherit", "inherit", "pipe"] });
  try {
    const address = `http://127.0.0.1:${await portOf(child)}/?server=${encodeURIComponent(server)}`;
    const answer = await fetch(address, { signal: AbortSignal.timeout(limitMs) });
    let text = "";
    for await (const chunk of answer.body.pipeThrough(new TextDecoderStream())) {
      const lines = (text + chunk).split("\n");
      text = lines.pop();
      for (const line of lines) report.step(JSON.parse(line));
    }
    return "";
  } catch (error) {
    return `: ${error.message}`;
  } finally {
    end(child);
  }
});

/** @type {readonly (import("./jobs.mjs").Job & { exists(): boolean, file?: string })[]} */
export const portableSuites = [workerd, browser("chromium"), browser("firefox", delaying)];
