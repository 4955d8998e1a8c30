/**
 * Holdfast on any platform with WHATWG `WebSocket`: browsers first of all. Request headers, the status of a failed dial and protocol pings are not
 * to be had here; what asks for them is refused.
 *
 * An open connection keeps a process alive as the platform's sockets and timers do; a page or worker ends when it ends.
 *
 * @example
 * ```ts ignore -- needs a server
 * import { connect } from "@holdfast/ws/web";
 *
 * const feed = await connect("wss://data-stream.binance.vision/ws/btcusdt@trade");
 * for await (const frame of feed) console.log(frame.seq, frame.data);
 * ```
 *
 * @module
 */
import type { Runtime } from "../contract/runtime.ts";
import { connecter, type Entry, opener } from "../stack.ts";
import { systemClock } from "./clock.ts";
import { executor } from "./executor.ts";
import { webSocketLeaf } from "./web_socket.ts";

export type { Runtime } from "../contract/runtime.ts";
export type { Entry } from "../stack.ts";

/** The platform: its `WebSocket`, clock, executor and randomness. */
export function web(): Runtime {
  return {
    clock: systemClock,
    spawn: executor(),
    random: Math.random,
    connector: webSocketLeaf({
      name: "web",
      capabilities: {
        headers: false,
        handshakeStatus: "none",
        ping: false,
        seePing: false,
        terminate: false,
        maxMessageBytes: 64 * 1024 * 1024,
        // Node sends a handshake answered with 401 twice, and opens a second connection on abort; what this runs on is not known.
        wireDials: 2,
        recvAxis: false,
      },
      dial: ({ url, protocols }) => ({ socket: new WebSocket(url.href, protocols) }),
    }),
  };
}

/** Gives the connection at once, in phase `connecting`. See {@link Entry.open}. */
export const open: Entry["open"] = /* @__PURE__ */ opener(web);

/** Connects, and resolves at the first healthy session. See {@link Entry.connect}. */
export const connect: Entry["connect"] = /* @__PURE__ */ connecter(open);
