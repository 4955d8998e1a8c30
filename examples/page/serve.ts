/**
 * Serves the page: its files and the library's modules as the browser asks for them, and the buttons' requests to the server that it watches.
 *
 * ```sh
 * npm run demo -- --page
 * ```
 *
 * @module
 */
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import process from "node:process";
import { stripTypes } from "./strip.ts";
import { type Fault, FAULTS, type PageVenue, startPageVenue } from "./venue.ts";

const root = new URL("../../", import.meta.url);
/** What a browser may ask for: the page, the library, and what the page takes from the demo. */
const SERVED = /^\/(mod\.ts|src\/[a-z0-9_/]+\.ts|examples\/(page|demo)\/[a-z_]+\.(ts|html|css))$/;
const PAGE = "/examples/page/index.html";

const TYPES: Readonly<Record<string, string>> = {
  ts: "text/javascript",
  html: "text/html",
  css: "text/css",
};

const HEADERS: Readonly<Record<string, string>> = {
  "cache-control": "no-store",
  "content-security-policy":
    "default-src 'self'; img-src 'self' data:; connect-src 'self' ws://127.0.0.1:*",
  "x-content-type-options": "nosniff",
};

/** A page that is served. */
export interface ServedPage {
  /** Where to look at it. */
  readonly url: string;
  /** The server that the page watches. */
  readonly venue: PageVenue;
  /** Ends both. */
  close(): Promise<void>;
}

async function fileAnswer(path: string): Promise<{ type: string; body: string } | undefined> {
  if (!SERVED.test(path)) return undefined;
  const type = TYPES[path.slice(path.lastIndexOf(".") + 1)]!;
  try {
    const text = await readFile(new URL(`.${path}`, root), "utf8");
    return { type, body: path.endsWith(".ts") ? stripTypes(text) : text };
  } catch (error) {
    if ((error as { code?: string }).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Starts page and server on free ports of 127.0.0.1. */
export async function servePage(): Promise<ServedPage> {
  const venue = await startPageVenue();

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const say = (status: number, type: string, body: string) => {
      response.writeHead(status, { ...HEADERS, "content-type": `${type}; charset=utf-8` });
      response.end(body);
    };
    const { pathname } = new URL(request.url ?? "/", "http://page");
    if (pathname === "/") {
      response.writeHead(302, { location: PAGE });
      return void response.end();
    }
    if (pathname === "/venue") {
      return say(200, "application/json", JSON.stringify({ url: venue.url, ...venue.lasting }));
    }
    const fault = FAULTS.find((name) => pathname === `/fault/${name}`) satisfies Fault | undefined;
    if (fault !== undefined && request.method === "POST") {
      return say(200, "application/json", JSON.stringify(venue.suffer(fault)));
    }
    const file = await fileAnswer(pathname);
    if (file === undefined) return say(404, "text/plain", "There is no such thing here");
    say(200, file.type, file.body);
  }

  const site = createServer((request, response) => {
    answer(request, response).catch((error) => {
      console.error(`page: ${request.url}: ${error}`);
      response.writeHead(500).end();
    });
  });
  await new Promise<void>((resolve, reject) => {
    site.once("error", reject);
    site.listen(0, "127.0.0.1", resolve);
  });
  const { port } = site.address() as { port: number };
  return {
    url: `http://127.0.0.1:${port}/`,
    venue,
    async close() {
      const closed = new Promise<void>((resolve) => site.close(() => resolve()));
      site.closeAllConnections();
      await Promise.all([closed, venue.close()]);
    },
  };
}

/** Serves until Ctrl+C. @returns the exit code. */
export async function runPage(): Promise<number> {
  const page = await servePage();
  console.log(`Open ${page.url} in a browser. Ctrl+C ends it.`);
  await new Promise<void>((resolve) => {
    process.once("SIGINT", resolve);
    process.once("SIGTERM", resolve);
  });
  await page.close();
  return 0;
}
