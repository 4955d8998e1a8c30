/**
 * The answers to a handshake, as bytes.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { bytesOf, joined } from "./frames.ts";
import type { RequestHead } from "./request_head.ts";

/** How a handshake is accepted. */
export interface AcceptOptions {
  /** The subprotocol to answer; `true` takes the first one offered. @default {true} */
  readonly protocol?: string | true | undefined;
  /** Answers no subprotocol, whatever was offered. */
  readonly withoutProtocol?: boolean;
  /** Further header lines. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The proof: the right one, a wrong one, or no such header. @default {"right"} */
  readonly acceptHash?: "right" | "wrong" | "absent";
  /** Bytes behind the response head, in the same segment. */
  readonly extra?: Uint8Array;
}

/** A 101, right or wrong, and what follows it in the same segment. */
export function acceptance(request: RequestHead, options: AcceptOptions): Uint8Array {
  const { protocol = true, acceptHash = "right", headers = {}, extra } = options;
  const key = request.header("sec-websocket-key") ?? "";
  const seed = acceptHash === "wrong" ? "another key" : key;
  const proof = createHash("sha1").update(seed + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")
    .digest("base64");
  const answer = options.withoutProtocol
    ? undefined
    : protocol === true
    ? request.protocols[0]
    : protocol;
  const lines = [
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    ...(acceptHash === "absent" ? [] : [`Sec-WebSocket-Accept: ${proof}`]),
    ...(answer === undefined ? [] : [`Sec-WebSocket-Protocol: ${answer}`]),
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ];
  const head = bytesOf(lines.join("\r\n") + "\r\n\r\n");
  return extra === undefined ? head : joined([head, extra]);
}

/** Any other answer, after which the connection ends. */
export function refusal(
  status: number,
  headers: Readonly<Record<string, string>>,
  body: string | Uint8Array,
): Uint8Array {
  const bytes = bytesOf(body);
  const lines = [
    `HTTP/1.1 ${status} Scripted`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    `Content-Length: ${bytes.length}`,
    "Connection: close",
  ];
  return joined([bytesOf(lines.join("\r\n") + "\r\n\r\n"), bytes]);
}
