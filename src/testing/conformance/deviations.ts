/**
 * What platforms are known to do instead of what the contract demands, each in one place. Measured
 * with Deno 2.9.5, Bun 1.4.5, Node 22.23.3, 24.21.0 and 26.10.0, workerd 1.20261023.1, Firefox 153.7.0esr.
 *
 * A link leads to the thread about it, else to the lines of the platform's source that do it, else to the rule
 * that is not kept, or that is kept and costs this.
 *
 * @module
 */
import type { Deviation } from "./case.ts";

const RFC = "https://www.rfc-editor.org/rfc/rfc6455";

const FASTWEBSOCKETS =
  "https://github.com/denoland/fastwebsockets/blob/00d2899dbf45c88c1a260651f6e30a10e8d61c1b/src";
const UNDICI =
  "https://github.com/nodejs/undici/blob/018545fbeb67311653156f45fa6eb3d99f4cb211/lib/web/websocket";
const GECKO =
  "https://github.com/mozilla/gecko-dev/blob/ad362610efe9c44f640a3131b093a14e0a5249ce/netwerk/protocol/websocket";

/** Firefox does the same in a page and in its workers. */
const FIREFOX = ["firefox", "worker on firefox"];

/** Deno does not look at Sec-WebSocket-Accept, and a leaf does not see the response head. */
export const UNPROVED_HANDSHAKE: readonly Deviation[] = [
  {
    platform: "deno",
    reason: "opens without checking Sec-WebSocket-Accept",
    link: `${FASTWEBSOCKETS}/handshake.rs`,
  },
];

/** Invalid text is repaired instead of refused. */
export const INVALID_TEXT: readonly Deviation[] = [
  {
    platform: "workerd",
    reason: "delivers invalid UTF-8 with U+FFFD",
    link: `${RFC}#section-8.1`,
  },
];

/** undici decodes text with a decoder that takes a byte order mark for an encoding signature. */
export const LOST_MARK: readonly Deviation[] = [
  {
    platform: "node",
    reason: "drops U+FEFF at the start of a text message",
    link: `${UNDICI}/util.js`,
  },
];

/** RFC 6455, section 5.1, is not enforced. */
export const MASKED_FRAMES: readonly Deviation[] = [
  {
    platform: "deno",
    reason: "delivers the bytes of a masked frame, still masked",
    link: `${RFC}#section-5.1`,
  },
  ...["workerd", ...FIREFOX].map((platform) => (
    { platform, reason: "delivers a masked frame of the server", link: `${RFC}#section-5.1` }
  )),
];

/**
 * The close event waits for the end of TCP, for as long as the server likes. RFC 6455 has the client wait, and lets it
 * give up after a reasonable time, which these do not, or late.
 */
export const WITHHELD_CLOSE: readonly Deviation[] = [
  ...["bun", "node"].map((platform) => (
    { platform, reason: "withholds the close until TCP ends", link: `${RFC}#section-7.1.1` }
  )),
  ...["ws on deno", "ws on node", "ws on bun"].map((platform) => (
    {
      platform,
      reason: "withholds the close until TCP ends, or 30 s",
      link: "https://github.com/websockets/ws/issues/2203",
    }
  )),
];

/** Without it a send queue is blind: only the deadline of its own is left. */
export const NO_BUFFERED_AMOUNT: readonly Deviation[] = [
  {
    platform: "workerd",
    reason: "has no bufferedAmount, which then stays 0",
    link: "https://github.com/cloudflare/workerd/issues/988",
  },
];

/** A subprotocol that nobody asked for is dropped: the leaf cannot see that the server chose one. */
export const HIDDEN_PROTOCOL: readonly Deviation[] = FIREFOX.map((platform) => (
  { platform, reason: "opens and tells no subprotocol", link: `${RFC}#section-4.1` }
));

/** The socket of an aborted dial outlives it: the session stops, and lets go of the HTTP request without cancelling it. */
export const KEPT_DIALS: readonly Deviation[] = [
  {
    platform: "firefox",
    reason: "keeps the TCP connection of an aborted handshake, for over six minutes",
    link: `${GECKO}/WebSocketChannel.cpp`,
  },
  {
    platform: "worker on firefox",
    reason: "keeps the TCP connection of an aborted handshake when its worker has ended",
    link: `${GECKO}/WebSocketChannel.cpp`,
  },
];

/**
 * The end of a worker does not end its sockets at once: each sends a Close frame with code 1001, and waits for the
 * answer. Nothing that a worker could do before its end is faster: a page has no other way to end a socket.
 */
export const LATE_TERMINATE: readonly Deviation[] = [
  {
    platform: "worker on firefox",
    reason:
      "keeps the TCP connection of an ended worker for 20 s, if the peer does not answer its Close frame",
    link: `${GECKO}/WebSocketChannel.cpp`,
  },
];
