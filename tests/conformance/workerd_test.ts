/**
 * The conformance list against the leaf of edge workers, which dials with `fetch`. Portable: elsewhere it registers nothing.
 *
 * @module
 */
import { platform } from "../support/harness.ts";
import { registerCases } from "./run_cases.ts";

if (platform === "workerd") {
  const { workerd } = await import("../../src/runtime/workerd.ts");
  registerCases({ name: "workerd", platform, connector: workerd().connector, trusts: false });
}
