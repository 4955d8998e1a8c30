/**
 * What platforms are known to do instead of what the contract demands, each in one place. Measured
 * with Deno 2.9.5, Bun 1.4.5, Node 22.23.3, 24.21.0 and 26.10.0, workerd 1.20261023.1, Firefox 153.7.0esr.
 *
 * @module
 */
import type { Deviation } from "./case.ts";

const DENO = "https://github.com/denoland/deno/issues";
const BUN = "https://github.com/oven-sh/bun/issues";
const WS = "https://github.com/websockets/ws/blob/8.23.0/lib/websocket.js";
const UNDICI = "https://github.com/nodejs/undici/issues";
const FIREFOX =
  "https://bugzilla.mozilla.org/buglist.cgi?product=Core&component=Networking%3A%20WebSockets";
const WORKERD = "https://github.com/cloudflare/workerd/issues";

/** Deno does not look at Sec-WebSocket-Accept, and a leaf does not see the response head. */
export const UNPROVED_HANDSHAKE: readonly Deviation[] = [
  { platform: "deno", reason: "opens without checking Sec-WebSocket-Accept", link: DENO },
];

/** Invalid text is repaired instead of refused. */
export const INVALID_TEXT: readonly Deviation[] = [
  { platform: "workerd", reason: "delivers invalid UTF-8 with U+FFFD", link: WORKERD },
];

/** undici decodes text with a decoder that takes a byte order mark for an encoding signature. */
export const LOST_MARK: readonly Deviation[] = [
  { platform: "node", reason: "drops U+FEFF at the start of a text message", link: UNDICI },
];

/** RFC 6455, section 5.1, is not enforced. */
export const MASKED_FRAMES: readonly Deviation[] = [
  { platform: "deno", reason: "delivers the bytes of a masked frame, still masked", link: DENO },
  { platform: "workerd", reason: "delivers a masked frame of the server", link: WORKERD },
  { platform: "firefox", reason: "delivers a masked frame of the server", link: FIREFOX },
];

/** The close event waits for the end of TCP, for as long as the server likes. */
export const WITHHELD_CLOSE: readonly Deviation[] = [
  { platform: "bun", reason: "withholds the close until TCP ends", link: BUN },
  { platform: "node", reason: "withholds the close until TCP ends", link: UNDICI },
  ...["ws on deno", "ws on node", "ws on bun"].map((platform) => (
    { platform, reason: "withholds the close until TCP ends, or 30 s", link: WS }
  )),
];

/** Without it a send queue is blind: only the deadline of its own is left. */
export const NO_BUFFERED_AMOUNT: readonly Deviation[] = [
  { platform: "workerd", reason: "has no bufferedAmount, which then stays 0", link: WORKERD },
];

/** A subprotocol that nobody asked for is dropped: the leaf cannot see that the server chose one. */
export const HIDDEN_PROTOCOL: readonly Deviation[] = [
  { platform: "firefox", reason: "opens and tells no subprotocol", link: FIREFOX },
];

/** The socket of an aborted dial outlives it. */
export const KEPT_DIALS: readonly Deviation[] = [
  {
    platform: "firefox",
    reason: "keeps the TCP connection of an aborted handshake, for over a minute",
    link: FIREFOX,
  },
];
