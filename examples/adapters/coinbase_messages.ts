/**
 * Messages of Coinbase Advanced Trade, and where some are missing.
 *
 * @module
 */
import type { DeliveredFrame } from "../../mod.ts";
import { Holes } from "./holes.ts";

/** What one product's book is told. */
export interface Level2Event {
  readonly type?: "snapshot" | "update";
  readonly product_id?: string;
  readonly updates?: readonly Readonly<Record<"side" | "price_level" | "new_quantity", string>>[];
}

/** A message, as far as the books need it. */
export interface Message {
  readonly type?: "error";
  readonly message?: string;
  readonly channel?: string;
  readonly sequence_num?: number;
  readonly events?: readonly Level2Event[];
}

/** Parses frames; says first when some are missing, by the transport's count or by the venue's. */
export async function* decode(
  frames: ReadableStream<DeliveredFrame>,
): AsyncGenerator<Message | { readonly lost: string }> {
  const holes = new Holes();
  let expected: number | undefined;
  for await (const frame of frames) {
    const hole = holes.before(frame);
    if (hole !== undefined) {
      expected = hole === "session" ? 0 : undefined;
      yield { lost: hole };
    }
    if (frame.type !== "text") continue;
    const message = JSON.parse(frame.data) as Message;
    const { sequence_num } = message; // errors have none
    if (sequence_num !== undefined) {
      if (sequence_num !== (expected ?? sequence_num)) yield { lost: "sequence" };
      expected = sequence_num + 1;
    }
    yield message;
  }
}
