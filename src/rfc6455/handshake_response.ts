/**
 * The server's answer to the opening handshake (section 4.1, second list, and 4.2.2).
 *
 * @module
 */
import { base64 } from "./handshake_request.ts";
import type { HttpHead } from "./http_head.ts";
import { retryAfterMs } from "./retry_after.ts";
import { sha1 } from "./sha1.ts";

/** The server accepted. */
export interface Accepted {
  /** Tells the outcomes apart. */
  readonly type: "accepted";
  /** The subprotocol that the server chose, or the empty string. */
  readonly protocol: string;
}

/** The server did not accept, or its answer cannot be believed. */
export interface Refused {
  /** Tells the outcomes apart. `invalid` means that it answered 101 wrongly. */
  readonly type: "refused" | "invalid";
  /** In a few words, without any of the server's own text. */
  readonly reason: string;
  /** The HTTP status. */
  readonly status: number;
  /** What `Retry-After` asked for, in milliseconds. */
  readonly retryAfterMs?: number;
}

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** What the server must answer in `Sec-WebSocket-Accept` (section 4.2.2, item 5.4). */
export function acceptOf(key: string): string {
  return base64(sha1(new TextEncoder().encode(key + GUID)));
}

/** Whether a list-valued field holds the token, whatever its case. */
function hasToken(values: readonly string[], token: string): boolean {
  return values.some((value) =>
    value.split(",").some((part) => part.trim().toLowerCase() === token)
  );
}

/**
 * Judges the head that the server answered with.
 *
 * @param head What it answered.
 * @param sent What it answered to: the key, the offered subprotocols, and the time of day for a `Retry-After` that is a date.
 */
export function judgeResponse(
  head: HttpHead,
  sent: {
    readonly key: string;
    readonly protocols: readonly string[];
    readonly wallNowMs: number;
  },
): Accepted | Refused {
  const { status } = head;
  if (status !== 101) {
    const wait = retryAfterMs(head.headers.get("retry-after")?.[0], sent.wallNowMs);
    return {
      type: "refused",
      reason: `server answered ${status}`,
      status,
      ...(wait === undefined ? {} : { retryAfterMs: wait }),
    };
  }
  const invalid = (reason: string): Refused => ({ type: "invalid", reason, status });
  const values = (name: string) => head.headers.get(name) ?? [];
  if (head.minor < 1) return invalid("server answered 101 in HTTP/1.0");
  const upgrade = values("upgrade");
  if (upgrade.length !== 1 || upgrade[0]!.toLowerCase() !== "websocket") {
    return invalid("answer has no Upgrade: websocket");
  }
  if (!hasToken(values("connection"), "upgrade")) {
    return invalid("answer has no Connection: Upgrade");
  }
  const accept = values("sec-websocket-accept");
  if (accept.length !== 1 || accept[0] !== acceptOf(sent.key)) {
    return invalid("answer has the wrong Sec-WebSocket-Accept");
  }
  // No extension was offered, so none can have been accepted (item 5).
  if (values("sec-websocket-extensions").some((value) => value !== "")) {
    return invalid("answer has an extension that was not offered");
  }
  const chosen = values("sec-websocket-protocol");
  if (chosen.length > 1) return invalid("answer has several subprotocols");
  const protocol = chosen[0] ?? "";
  if (protocol !== "" && !sent.protocols.includes(protocol)) {
    return invalid("server chose a subprotocol that was not offered");
  }
  if (protocol === "" && (chosen.length > 0 || sent.protocols.length > 0)) {
    return invalid("server chose none of the offered subprotocols");
  }
  return { type: "accepted", protocol };
}
