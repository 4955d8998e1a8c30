/**
 * A Chromium without a window, and one page in it, over the DevTools protocol: nothing but a WebSocket.
 *
 * @module
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const cache = fileURLToPath(new URL("../../.cache/", import.meta.url));

/** Where Chromium is, if it is here. */
export const chromium: string | undefined = [
  process.env["CHROMIUM"],
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
].find((path) => path !== undefined && path !== "" && existsSync(path));

const ARGUMENTS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-dev-shm-usage",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--hide-scrollbars",
  "--remote-debugging-port=0",
];

interface Answer {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly message: string };
}

interface Evaluated {
  readonly result: { readonly value?: unknown };
  readonly exceptionDetails?: {
    readonly text: string;
    readonly exception?: { readonly description?: string };
  };
}

/** A page in a browser of its own. */
export class Page {
  /** What the page wrote to its console as an error, and what it threw. */
  readonly errors: string[] = [];
  readonly #child: ChildProcess;
  readonly #gone: Promise<void>;
  readonly #profile: string;
  readonly #calls: Map<number, (answer: Answer) => void> = new Map();
  #socket: WebSocket | undefined;
  #ids = 0;
  #onLoad: () => void = () => {};

  /** Use {@link Page.open}. */
  constructor(child: ChildProcess, profile: string) {
    this.#child = child;
    this.#profile = profile;
    this.#gone = new Promise((resolve) => child.once("close", () => resolve()));
  }

  /** Starts a browser and opens a page of so many pixels. */
  static async open(url: string, { width = 1_120, height = 1_000 } = {}): Promise<Page> {
    if (chromium === undefined) throw new Error("There is no Chromium here");
    mkdirSync(cache, { recursive: true });
    const profile = mkdtempSync(join(cache, "page-"));
    const child = spawn(chromium, [...ARGUMENTS, `--user-data-dir=${profile}`, "about:blank"], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    const page = new Page(child, profile);
    try {
      const browser = await listening(child);
      const targets = await (await fetch(`http://${new URL(browser).host}/json/list`)).json() as {
        type: string;
        webSocketDebuggerUrl: string;
      }[];
      await page.#attach(targets.find(({ type }) => type === "page")!.webSocketDebuggerUrl);
      for (const domain of ["Page", "Runtime", "Log"]) await page.call(`${domain}.enable`);
      await page.call("Emulation.setDeviceMetricsOverride", {
        width,
        height,
        deviceScaleFactor: 1,
        mobile: false,
      });
      const loaded = new Promise<void>((resolve) => page.#onLoad = resolve);
      await page.call("Page.navigate", { url });
      await loaded;
      return page;
    } catch (error) {
      await page.close();
      throw error;
    }
  }

  /** Calls a method of the protocol. */
  call(
    method: string,
    params: Readonly<Record<string, unknown>> = {},
  ): Promise<Readonly<Record<string, unknown>>> {
    const id = ++this.#ids;
    this.#socket!.send(JSON.stringify({ id, method, params }));
    return new Promise((resolve, reject) => {
      this.#calls.set(id, ({ result, error }) => {
        if (error === undefined) resolve(result ?? {});
        else reject(new Error(`${method}: ${error.message}`));
      });
    });
  }

  /** The value of an expression in the page; a promise is waited for. */
  async evaluate<Value>(expression: string): Promise<Value> {
    const { result, exceptionDetails } = await this.call("Runtime.evaluate", {
      expression,
      awaitPromise: true,
      returnByValue: true,
    }) as unknown as Evaluated;
    if (exceptionDetails !== undefined) {
      const { text, exception } = exceptionDetails;
      throw new Error(`${expression}: ${exception?.description ?? text}`);
    }
    return result.value as Value;
  }

  /** Clicks in the middle of an element, as a mouse does. */
  async click(selector: string): Promise<void> {
    const { x, y } = await this.evaluate<{ x: number; y: number }>(
      `(() => { const e = document.querySelector(${JSON.stringify(selector)});
        e.scrollIntoView({ block: "nearest" });
        const { x, y, width, height } = e.getBoundingClientRect();
        return { x: x + width / 2, y: y + height / 2 }; })()`,
    );
    for (const type of ["mousePressed", "mouseReleased"]) {
      await this.call("Input.dispatchMouseEvent", { type, x, y, button: "left", clickCount: 1 });
    }
  }

  /** Presses a key. */
  async press(key: "Tab" | "Enter"): Promise<void> {
    const code = key === "Tab" ? 9 : 13;
    const text = key === "Enter" ? { text: "\r" } : {};
    const params = { key, code: key, windowsVirtualKeyCode: code };
    await this.call("Input.dispatchKeyEvent", { type: "keyDown", ...params, ...text });
    await this.call("Input.dispatchKeyEvent", { type: "keyUp", ...params });
  }

  /** Light or dark, as a system's setting would have it. */
  async scheme(value: "light" | "dark"): Promise<void> {
    const features = [{ name: "prefers-color-scheme", value }];
    await this.call("Emulation.setEmulatedMedia", { features });
  }

  /** A picture of the page, as PNG in base64. */
  async screenshot(): Promise<string> {
    return (await this.call("Page.captureScreenshot", { format: "png" }))["data"] as string;
  }

  /** Ends the browser. */
  async close(): Promise<void> {
    // The browser says that it will, and goes: whichever comes first.
    if (this.#socket?.readyState === WebSocket.OPEN) {
      await Promise.race([this.call("Browser.close"), this.#gone]);
    } else if (this.#child.pid !== undefined && this.#child.exitCode === null) {
      process.kill(this.#child.pid, "SIGKILL");
    }
    await this.#gone;
    this.#socket?.close();
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }

  #attach(url: string): Promise<void> {
    const socket = new WebSocket(url);
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => this.#read(JSON.parse(data) as Answer));
    return new Promise((resolve, reject) => {
      socket.addEventListener("open", () => resolve());
      socket.addEventListener("error", () => reject(new Error("The browser does not answer")));
    });
  }

  #read(answer: Answer): void {
    if (answer.id !== undefined) {
      this.#calls.get(answer.id)?.(answer);
      this.#calls.delete(answer.id);
    } else if (answer.method === "Page.loadEventFired") this.#onLoad();
    else if (answer.method === "Runtime.exceptionThrown" || isErrorEntry(answer)) {
      this.errors.push(JSON.stringify(answer.params));
    }
  }
}

function isErrorEntry({ method, params }: Answer): boolean {
  if (method !== "Log.entryAdded") return false;
  const { level, source } = params!["entry"] as { level: string; source: string };
  // What the network says of a refused dial is what the page is for.
  return level === "error" && source !== "network" && source !== "javascript";
}

/** The address that the browser writes to its error output. */
function listening(child: ChildProcess): Promise<string> {
  let text = "";
  return new Promise((resolve, reject) => {
    child.stderr!.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
      const url = /DevTools listening on (ws:\S+)/.exec(text)?.[1];
      if (url !== undefined) resolve(url);
    });
    child.once("error", reject);
    child.once("close", () => reject(new Error(`Chromium ended: ${text.slice(0, 1_000)}`)));
  });
}
