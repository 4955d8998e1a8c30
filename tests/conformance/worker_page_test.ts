/**
 * The conformance list against the leaf whose socket lives in a browser's worker. Portable: elsewhere it registers nothing.
 * The runner serves the worker file beside the page.
 *
 * @module
 */
import { platform } from "../support/harness.ts";
import { registerCases } from "./run_cases.ts";

if (platform === "chromium" || platform === "firefox") {
  const { workerConnector } = await import("../../src/worker/mod.ts");
  const { workerOf } = await import("../worker/make_worker.ts");
  registerCases({
    name: "worker",
    platform: `worker on ${platform}`,
    connector: workerConnector(workerOf("host_web.ts")),
    trusts: false,
  });
}
