/**
 * A conversation with a simulator: send, and read until a frame fits.
 *
 * @module
 */
import type { ConnectionOptions, DeliveredFrame, ReconnectingConnection } from "../../mod.ts";
import { nativeOpen } from "../e2e/support.ts";

/** One conversation. */
export class Talk {
  readonly feed: ReconnectingConnection;
  readonly #frames: AsyncIterableIterator<DeliveredFrame>;

  constructor(feed: ReconnectingConnection) {
    this.feed = feed;
    this.#frames = feed.frames();
  }

  /** Starts one. Without `reconnects` the first loss is the last (`exhausted`). */
  static async with(url: string, options: ConnectionOptions = {}): Promise<Talk> {
    const open = await nativeOpen();
    return new Talk(open(url, { backoff: { minDelayMs: 5, maxDelayMs: 20 }, ...options }));
  }

  /** Sends when the connection is up. */
  async say(...texts: readonly string[]): Promise<void> {
    await this.feed.ready;
    for (const text of texts) await this.feed.send(text);
  }

  /** The next frame that fits, as text. */
  async hear(fits: (text: string) => boolean): Promise<string> {
    for (;;) {
      const { done, value } = await this.#frames.next();
      if (done) throw new Error("The conversation is over");
      if (value.type === "text" && fits(value.data)) return value.data;
    }
  }

  /** The next frame with this in it. */
  hearPart(part: string): Promise<string> {
    return this.hear((text) => text.includes(part));
  }

  /** Ends it. */
  async end(): Promise<void> {
    await this.feed.control.shutdown();
  }
}
