/**
 * The server behind the page: quotes at a steady pace, and the faults that the buttons ask for.
 *
 * @module
 */
import type { Link } from "../sim/link.ts";
import { type HttpAnswer, Sim, type Venue } from "../sim/sim.ts";

/** What the buttons can ask for. */
export type Fault = "cut" | "freeze" | "flood" | "refuse" | "heal";

/** The faults that last until they are healed. */
export interface LastingFaults {
  readonly frozen: boolean;
  readonly refusing: boolean;
}

const QUOTE_EVERY_MS = 20;
/** More than the buffer of the page holds, so that some of it is lost. */
const FLOOD_FRAMES = 12_000;
const FLOOD_FRAME_BYTES = 64;

/** Names of the faults, for what comes in over HTTP. */
export const FAULTS: readonly Fault[] = ["cut", "freeze", "flood", "refuse", "heal"];

/** The server. */
export class PageVenue extends Sim implements Venue {
  #frozen = false;
  #quotes = 0;

  /** What lasts now. */
  get lasting(): LastingFaults {
    return { frozen: this.#frozen, refusing: this.handshakeFault !== undefined };
  }

  /** An accepted connection: quotes from now on. */
  opened(link: Link): void {
    link.faults.freezeAll = this.#frozen;
    link.timers.every(QUOTE_EVERY_MS, () => {
      const mid = 100 + Math.sin(++this.#quotes / 90);
      link.send("quotes", JSON.stringify({ n: this.#quotes, mid: mid.toFixed(3) }));
    });
  }

  /** There is nothing over HTTP. */
  http(): HttpAnswer {
    return { status: 404, body: {} };
  }

  /** Does it. */
  suffer(fault: Fault): LastingFaults {
    switch (fault) {
      case "cut":
        for (const link of this.open) link.rst();
        break;
      case "freeze":
        this.#freeze(true);
        break;
      case "flood":
        for (const link of this.open) void link.burst(FLOOD_FRAMES, FLOOD_FRAME_BYTES);
        break;
      case "refuse":
        this.handshakeFault = { type: "httpReject", status: 503 };
        for (const link of this.open) link.close(1012, "maintenance");
        break;
      case "heal":
        this.handshakeFault = undefined;
        this.#freeze(false);
        break;
      default:
        return fault satisfies never;
    }
    return this.lasting;
  }

  #freeze(frozen: boolean): void {
    this.#frozen = frozen;
    for (const link of this.open) link.faults.freezeAll = frozen;
  }
}

/** Starts it on a free port of 127.0.0.1. */
export async function startPageVenue(): Promise<PageVenue> {
  const venue = new PageVenue();
  await venue.start(venue);
  return venue;
}
