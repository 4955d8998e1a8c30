/**
 * The conformance list against the leaf over the npm package `ws`.
 *
 * @module
 */
import { WebSocket } from "ws";
import { ws, type WsConstructor } from "../../src/runtime/ws.ts";
import { platform } from "../support/harness.ts";
import { CA_CERTIFICATE } from "../support/tls/certificates.ts";
import { registerCases } from "./run_cases.ts";

registerCases({
  name: "ws",
  platform: `ws on ${platform}`,
  connector: ws(WebSocket as unknown as WsConstructor, { options: { ca: CA_CERTIFICATE } }),
  trusts: true,
});
