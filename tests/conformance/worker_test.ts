/**
 * The conformance list against the leaf whose socket lives in a worker: around the runtime's own leaf, and around the default one.
 *
 * @module
 */
import { workerConnector } from "../../src/worker/mod.ts";
import { platform } from "../support/harness.ts";
import { workerOf } from "../worker/make_worker.ts";
import { nativeLeaf } from "./native_leaf.ts";
import { registerCases } from "./run_cases.ts";

const { capabilities } = (await nativeLeaf()).connector;

registerCases({
  name: `worker with ${platform}`,
  platform,
  connector: workerConnector(workerOf("host_native.ts"), { capabilities }),
  trusts: true,
});

registerCases({
  name: "worker",
  platform,
  connector: workerConnector(workerOf("host_web.ts")),
  trusts: false,
});
