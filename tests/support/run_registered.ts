/**
 * Runs the tests that the harness has collected, one after another, and reports each step as it
 * happens: a platform that freezes has then already said which test froze it.
 *
 * @module
 */
import type { Registered } from "./harness.ts";

/** How one test ended. */
export interface Result {
  readonly type: "result";
  readonly name: string;
  readonly outcome: "passed" | "failed" | "skipped";
  readonly ms: number;
  readonly error?: string;
}

/** One line of the report that the runner reads. */
export type Report =
  | { readonly type: "start"; readonly name: string }
  | Result
  | { readonly type: "done"; readonly tests: number };

interface Host {
  registeredTests?: Registered[];
}

function textOf(error: unknown): string {
  return error instanceof Error
    ? `${error.name}: ${error.message}\n${error.stack ?? ""}`
    : String(error);
}

async function runOne({ name, fn, timeoutMs, skipped }: Registered): Promise<Result> {
  if (skipped) return { type: "result", name, outcome: "skipped", ms: 0 };
  const start = Date.now();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Test took over ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    await Promise.race([fn(), late]);
    return { type: "result", name, outcome: "passed", ms: Date.now() - start };
  } catch (error) {
    const ms = Date.now() - start;
    return { type: "result", name, outcome: "failed", ms, error: textOf(error) };
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Runs them and hands every step to `report`.
 *
 * @param report Receives each step in order; the next one waits for it.
 */
export async function runRegistered(
  report: (step: Report) => void | Promise<void>,
): Promise<void> {
  const tests = (globalThis as Host).registeredTests ?? [];
  for (const test of tests) {
    await report({ type: "start", name: test.name });
    await report(await runOne(test));
  }
  await report({ type: "done", tests: tests.length });
}
