/**
 * The conformance list against the leaf over WHATWG `WebSocket` that every platform has. This file is portable: it runs in
 * browsers and edge workers, too, and imports nothing that they lack.
 *
 * @module
 */
import { web } from "../../src/runtime/web.ts";
import { platform } from "../support/harness.ts";
import { registerCases } from "./run_cases.ts";

registerCases({ name: "web", platform, connector: web().connector, trusts: false });
