/**
 * The one test function of the suite. On Deno it is `Deno.test` (with the leak sanitizers that
 * `deno.json` turns on), on Node and Bun `node:test`, and where there is neither (workerd, a
 * browser) it fills a list that a page runs.
 *
 * @module
 */

/** The platforms that the suite knows. */
export type Platform = "deno" | "node" | "bun" | "workerd" | "chromium" | "firefox";

/** The body of a test. */
export type TestBody = () => void | Promise<void>;

/** What a test may say about itself. */
export interface TestOptions {
  /** The platforms the test is about; on every other one it does not exist. */
  readonly only?: readonly Platform[];
  /** Why the test cannot run here; it is then counted as skipped, with this reason in its name. */
  readonly skip?: string | undefined;
  /** How long it may take, in milliseconds. Default 20,000: a hang is then a failure with a name. */
  readonly timeoutMs?: number;
}

/** A test waiting for a runner that has no test framework of its own. */
export interface Registered {
  readonly name: string;
  readonly fn: TestBody;
  readonly timeoutMs: number;
  readonly skipped: boolean;
}

interface Host {
  readonly Deno?: {
    readonly test?: (
      name: string,
      options: { timeout: number; ignore: boolean },
      fn: TestBody,
    ) => void;
  };
  readonly Bun?: unknown;
  readonly process?: { readonly versions?: { readonly node?: string } };
  readonly navigator?: { readonly userAgent?: string };
  registeredTests?: Registered[];
}

type NodeTest = (
  name: string,
  options: { timeout: number; skip: boolean },
  fn: TestBody,
) => unknown;

const host = globalThis as Host;

function detect(): Platform {
  if (host.Deno !== undefined) return "deno";
  if (host.Bun !== undefined) return "bun";
  const agent = host.navigator?.userAgent ?? "";
  if (agent === "Cloudflare-Workers") return "workerd";
  if (host.process?.versions?.node !== undefined) return "node";
  return agent.includes("Firefox") ? "firefox" : "chromium";
}

/** The platform that runs this file. */
export const platform: Platform = detect();

async function pick(): Promise<(test: Registered) => void> {
  const denoTest = host.Deno?.test;
  if (denoTest !== undefined) {
    return ({ name, fn, timeoutMs: timeout, skipped: ignore }) =>
      denoTest(name, { timeout, ignore }, fn);
  }
  if (platform === "node" || platform === "bun") {
    const module = "node:test"; // not a literal: bundlers leave it alone
    const { test } = await import(module) as { test: NodeTest };
    return ({ name, fn, timeoutMs: timeout, skipped: skip }) => {
      test(name, { timeout, skip }, fn);
    };
  }
  const list = host.registeredTests ??= [];
  return (test) => list.push(test);
}

const register = await pick();

/** Registers one test with whatever runs this file. */
export function test(name: string, fn: TestBody): void;
/** Registers one test that is about some platforms, may be skipped, or takes long. */
export function test(name: string, options: TestOptions, fn: TestBody): void;
export function test(name: string, options: TestOptions | TestBody, body?: TestBody): void {
  const { only, skip, timeoutMs = 20_000 }: TestOptions = typeof options === "function"
    ? {}
    : options;
  const fn = typeof options === "function" ? options : body;
  if (fn === undefined) throw new TypeError(`Cannot register test "${name}": no body given`);
  if (only !== undefined && !only.includes(platform)) return;
  const skipped = skip !== undefined;
  register({ name: skipped ? `${name} (skipped: ${skip})` : name, fn, timeoutMs, skipped });
}
