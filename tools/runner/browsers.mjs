// A browser without a window, with one page in it.
import { once } from "node:events";
import { createServer } from "node:http";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { cache } from "./paths.mjs";
import { end, start } from "./processes.mjs";
import { program } from "./programs.mjs";

/** Fresh profiles, no first-run pages, nothing fetched in the background. */
const FIREFOX_PREFERENCES = {
  "app.normandy.enabled": false,
  "app.update.enabled": false,
  "browser.aboutwelcome.enabled": false,
  "browser.newtabpage.enabled": false,
  "browser.region.update.enabled": false,
  "browser.safebrowsing.update.enabled": false,
  "browser.search.update": false,
  "browser.shell.checkDefaultBrowser": false,
  "browser.startup.homepage_override.mstone": "ignore",
  "datareporting.policy.dataSubmissionEnabled": false,
  "dom.push.enabled": false,
  "extensions.update.enabled": false,
  "network.captive-portal-service.enabled": false,
  "network.connectivity-service.enabled": false,
  "network.dns.disablePrefetch": true,
  "network.prefetch-next": false,
  // Firefox holds back a dial after failures of earlier ones to the same port, and lets that grow
  // to minutes; a list of dials that are to fail would test that, and little else.
  "network.websocket.delay-failed-reconnects": false,
  "privacy.trackingprotection.enabled": false,
  "services.settings.server": "data:,#remote-settings-dummy/v1",
  "toolkit.telemetry.reportingpolicy.firstRun": false,
  "toolkit.telemetry.unified": false,
};

const ARGUMENTS = {
  chromium: (profile, address) => [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    `--user-data-dir=${profile}`,
    address,
  ],
  firefox(profile, address, preferences) {
    const lines = Object.entries({ ...FIREFOX_PREFERENCES, ...preferences })
      .map(([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});\n`);
    writeFileSync(join(profile, "user.js"), lines.join(""));
    return ["--headless", "--no-remote", "--new-instance", "--profile", profile, address];
  },
};

const PAGE = '<!doctype html><meta charset=utf-8><link rel=icon href="data:,">' +
  "<script type=module src=/page.js></script>";

async function bodyOf(request) {
  let text = "";
  for await (const chunk of request) text += chunk;
  return text;
}

/**
 * What a page is to run.
 *
 * @typedef {object} Page
 * @property {string} server the scripted server's URL, handed to the page
 * @property {Readonly<Record<string, string>>} scripts the bundles by the path at which they are
 * served; `/page.js` is what the page runs
 * @property {Readonly<Record<string, string>>} [query] what else it is told
 * @property {Readonly<Record<string, unknown>>} [preferences] of Firefox, beside the usual
 * @property {number} limitMs
 * @property {(step: object) => void} step
 */

/**
 * Opens a page and reads the report that it posts.
 *
 * @param {"chromium" | "firefox"} name
 * @param {Page} page
 * @returns {Promise<string>} why it ended early, or nothing
 */
export async function openPage(name, { server, scripts, query = {}, preferences, limitMs, step }) {
  let finish = () => {};
  const finished = new Promise((resolve) => finish = resolve);
  const site = createServer((request, response) => {
    if (request.url === "/report") {
      bodyOf(request).then((text) => {
        const said = JSON.parse(text);
        step(said);
        response.end();
        if (said.type === "done") finish("");
      }, (error) => finish(`: ${error.message}`));
      return;
    }
    const script = scripts[request.url];
    response.writeHead(200, { "content-type": script ? "text/javascript" : "text/html" });
    response.end(script ? readFileSync(script) : PAGE);
  }).listen(0, "127.0.0.1");
  await once(site, "listening");

  mkdirSync(cache, { recursive: true });
  const profile = mkdtempSync(join(cache, `${name}-`));
  const search = new URLSearchParams({ server, ...query });
  const address = `http://127.0.0.1:${site.address().port}/?${search}`;
  const child = start(program(name), ARGUMENTS[name](profile, address, preferences), {
    stdio: "ignore",
    env: { ...process.env, MOZ_CRASHREPORTER_DISABLE: "1" },
  });
  const gone = once(child, "exit");
  gone.then(([code]) => finish(`: ${name} ended with ${code}`), (error) => finish(`: ${error}`));
  const timer = setTimeout(() => finish(`: no end within ${limitMs / 1000} s`), limitMs);
  try {
    return await finished;
  } finally {
    clearTimeout(timer);
    end(child);
    await gone.catch(() => {}); // the reason is in what was returned
    site.close();
    site.closeAllConnections();
    rmSync(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }
}
