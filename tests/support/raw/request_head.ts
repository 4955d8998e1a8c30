/**
 * Collects the head of an HTTP/1.1 request from slices of any size and parses it.
 *
 * @module
 */

/** The head of one request, as it came. */
export interface RequestHead {
  readonly method: string;
  /** The request target as sent, for example `/feed?symbol=x`. */
  readonly target: string;
  /** The target as a URL on a placeholder host: read `pathname` and `searchParams`. */
  readonly url: URL;
  /** The header lines in their order, names as sent: doubled lines are seen. */
  readonly lines: readonly (readonly [name: string, value: string])[];
  /** All values of a header joined with a comma, or `undefined`; the name in any case. */
  header(name: string): string | undefined;
  /** True when it asks for a WebSocket. */
  readonly upgrade: boolean;
  /** The subprotocols it offers, in order. */
  readonly protocols: readonly string[];
}

/** Parses a head without its final empty line; `undefined` when it is none. */
export function parseRequestHead(text: string): RequestHead | undefined {
  const [first = "", ...rest] = text.split("\r\n");
  const hit = /^([A-Z]+) (\S+) HTTP\/1\.1$/.exec(first);
  if (hit === null) return undefined;
  const [method, target] = [hit[1]!, hit[2]!];
  const path = target.startsWith("/") ? target : "/";
  if (!URL.canParse(path, "http://placeholder")) return undefined;
  const lines: (readonly [string, string])[] = [];
  for (const line of rest) {
    const colon = line.indexOf(":");
    if (colon <= 0) return undefined;
    lines.push([line.slice(0, colon), line.slice(colon + 1).trim()]);
  }
  const header = (name: string): string | undefined => {
    const values = lines.filter(([n]) => n.toLowerCase() === name.toLowerCase()).map(([, v]) => v);
    return values.length === 0 ? undefined : values.join(", ");
  };
  const offered = header("sec-websocket-protocol") ?? "";
  return {
    method,
    target,
    url: new URL(path, "http://placeholder"),
    lines,
    header,
    upgrade: header("upgrade")?.toLowerCase() === "websocket",
    protocols: offered.split(",").map((name) => name.trim()).filter((name) => name !== ""),
  };
}

/** Longest head it collects, in bytes. */
const MAX_HEAD_BYTES = 64 * 1024;

/** Finds the end of a head in bytes that arrive in slices. */
export class HeadCollector {
  readonly #bytes: Uint8Array = new Uint8Array(MAX_HEAD_BYTES);
  #length = 0;

  /**
   * Takes the next slice.
   *
   * @returns The text of the head and the bytes behind it, `"too long"`, or `undefined` while it
   * is not complete.
   */
  push(chunk: Uint8Array): { text: string; rest: Uint8Array } | "too long" | undefined {
    const taken = chunk.subarray(0, MAX_HEAD_BYTES - this.#length);
    const from = Math.max(0, this.#length - 3);
    this.#bytes.set(taken, this.#length);
    const before = this.#length;
    this.#length += taken.length;
    const b = this.#bytes;
    for (let i = from; i + 3 < this.#length; i++) {
      if (b[i] === 13 && b[i + 1] === 10 && b[i + 2] === 13 && b[i + 3] === 10) {
        const text = new TextDecoder("latin1").decode(b.subarray(0, i));
        return { text, rest: chunk.subarray(i + 4 - before) };
      }
    }
    return taken.length < chunk.length || this.#length === MAX_HEAD_BYTES ? "too long" : undefined;
  }
}
