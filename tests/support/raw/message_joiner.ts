/**
 * Makes messages of the data frames that came in.
 *
 * @module
 */
import { joined, OPCODE } from "./frames.ts";

/** Holds the fragments of a message until its last one. */
export class MessageJoiner {
  readonly #fragments: Uint8Array[] = [];
  #opcode = 0;

  /** Takes a data frame; gives the message that it completes, or says why it is none. */
  push(
    opcode: number,
    data: Uint8Array,
    fin: boolean,
  ): string | Uint8Array | { readonly violation: string } | undefined {
    if (opcode !== OPCODE.continuation) this.#opcode = opcode;
    let whole = data;
    if (!fin || opcode === OPCODE.continuation) {
      this.#fragments.push(data);
      if (!fin) return undefined;
      whole = joined(this.#fragments.splice(0));
    }
    if (this.#opcode === OPCODE.binary) return whole;
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(whole);
    } catch {
      return { violation: "text that is not UTF-8 (8.1)" };
    }
  }
}
