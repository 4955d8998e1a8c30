/**
 * One HTTP/1.1 response head (RFC 9112), read from bytes in any slicing and bounded. Nothing in it is trusted: it is strict where
 * leniency has led to smuggling (bare line ends, folded lines, space before a colon), and it gives up on what is not HTTP at once
 * instead of waiting for a line end that never comes.
 *
 * @module
 */

/** A response head. */
export interface HttpHead {
  /** Minor version: 0 or 1. */
  readonly minor: number;
  /** The status, 100 to 999. */
  readonly status: number;
  /** Field values by lower-case name, in order. */
  readonly headers: ReadonlyMap<string, readonly string[]>;
  /** What came behind the head; a copy. */
  readonly rest: Uint8Array<ArrayBuffer>;
}

/** Why the bytes are not a response head. */
export interface HeadFailure {
  /** In a few words, without any of the bytes. */
  readonly failure: string;
}

const PREFIX = "HTTP/1.";
const CR = 13;
const LF = 10;
const statusLine = /^HTTP\/1\.([01]) ([1-9][0-9]{2})(?: [\t\x20-\x7e\x80-\xff]*)?$/;
// Spaces are no part of the pattern: two ways to match one take time by the square of their number.
const fieldLine = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):([\t\x20-\x7e\x80-\xff]*)$/;

/** Without the spaces and tabs around it; a no-break space is a part of a value. */
function unspaced(value: string): string {
  let [start, end] = [0, value.length];
  while (start < end && (value[start] === " " || value[start] === "\t")) start++;
  while (start < end && (value[end - 1] === " " || value[end - 1] === "\t")) end--;
  return value.slice(start, end);
}

/** Bytes to string, one char per byte: what HTTP fields are. */
function latin1(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  for (let i = start; i < end; i++) text += String.fromCharCode(bytes[i]!);
  return text;
}

/** Reads one response head. After it gave a head or a failure it must not be used again. */
export class HttpHeadReader {
  readonly #maxBytes: number;
  #bytes = new Uint8Array(1024);
  #length = 0;
  /** Where the present head begins; interim ones lie before. */
  #start = 0;
  /** How far the end of the head was looked for. */
  #seen = 0;

  /**
   * Makes one.
   *
   * @param maxBytes Longest stretch of heads accepted, in bytes; interim (1xx) responses count.
   */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Takes bytes. @returns The final head, a failure, or `undefined` while more is needed. */
  push(chunk: Uint8Array): HttpHead | HeadFailure | undefined {
    const room = this.#maxBytes - this.#length;
    // What does not fit cannot be part of an acceptable head, but may well be frames behind it: look only at what fits.
    const part = chunk.length > room ? chunk.subarray(0, room) : chunk;
    this.#append(part);
    const outcome = this.#read(chunk.subarray(part.length));
    if (outcome !== undefined) return outcome;
    return this.#length >= this.#maxBytes
      ? { failure: `response head is over ${this.#maxBytes} bytes` }
      : undefined;
  }

  #append(part: Uint8Array): void {
    const length = this.#length + part.length;
    if (length > this.#bytes.length) {
      const grown = new Uint8Array(Math.min(this.#maxBytes, Math.max(length, 2 * this.#length)));
      grown.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = grown;
    }
    this.#bytes.set(part, this.#length);
    this.#length = length;
  }

  #read(beyond: Uint8Array): HttpHead | HeadFailure | undefined {
    for (;;) {
      for (let i = 0; i < PREFIX.length && this.#start + i < this.#length; i++) {
        if (this.#bytes[this.#start + i] !== PREFIX.charCodeAt(i)) {
          return { failure: "server does not speak HTTP/1" };
        }
      }
      const end = this.#endOfHead();
      if (end < 0) return undefined;
      const head = this.#parse(this.#start, end);
      if ("failure" in head) return head;
      if (head.status === 101 || head.status >= 200) {
        const behind = this.#bytes.subarray(end + 4, this.#length);
        const rest = new Uint8Array(behind.length + beyond.length);
        rest.set(behind);
        rest.set(beyond, behind.length);
        return { ...head, rest };
      }
      // Interim responses (RFC 9110, section 15.2) say nothing about the final one.
      this.#start = this.#seen = end + 4;
    }
  }

  /** Where the empty line that ends the present head begins, or -1. */
  #endOfHead(): number {
    const bytes = this.#bytes;
    for (let i = Math.max(this.#start, this.#seen - 3); i + 3 < this.#length; i++) {
      if (
        bytes[i] === CR && bytes[i + 1] === LF && bytes[i + 2] === CR && bytes[i + 3] === LF
      ) {
        return i;
      }
    }
    this.#seen = this.#length;
    return -1;
  }

  #parse(start: number, end: number): Omit<HttpHead, "rest"> | HeadFailure {
    const lines = latin1(this.#bytes, start, end).split("\r\n");
    const first = statusLine.exec(lines[0]!);
    if (!first) return { failure: "status line is malformed" };
    const headers = new Map<string, string[]>();
    for (const line of lines.slice(1)) {
      const field = fieldLine.exec(line);
      if (!field) return { failure: "header line is malformed" };
      const name = field[1]!.toLowerCase();
      const value = unspaced(field[2]!);
      const values = headers.get(name);
      if (values) values.push(value);
      else headers.set(name, [value]);
    }
    return { minor: Number(first[1]), status: Number(first[2]), headers };
  }
}
