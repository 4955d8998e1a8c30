/**
 * Where the frames of a session go: to a sink, synchronously, or into a stream. Until one of the two is there they are kept, so that
 * frames which came with the server's answer are not lost.
 *
 * @module
 */
import type { FrameSink, SessionEnd } from "../contract/connection.ts";
import type { Frame } from "../contract/frame.ts";

/** Frames kept for a reader that has not come yet, or reads slower than they arrive; beyond it the socket is read no further. */
const KEPT_FRAMES = 4_096;

/** What the outlet tells the session. */
export interface OutletEvents {
  /** Somebody takes frames now, or takes them again. */
  wanted(): void;
  /** The reader of the stream does not want any more. */
  cancelled(): void;
  /** The sink threw. */
  failed(): void;
}

/** In the place of one that is not to hear any more. */
const silent: FrameSink = { frame() {}, dropped() {}, end() {} };

/** See the module. */
export class FrameOutlet {
  readonly #events: OutletEvents;
  #kept: Frame[] = [];
  #end: SessionEnd | undefined;
  #discarded = false;
  #sink: FrameSink | undefined;
  #readable: ReadableStream<Frame> | undefined;
  #controller: ReadableStreamDefaultController<Frame> | undefined;

  /** Makes one. */
  constructor(events: OutletEvents) {
    this.#events = events;
  }

  /** Whether nobody takes frames and enough are kept. Never so with a sink: what is behind it bounds itself. */
  get full(): boolean {
    if (this.#sink || this.#end) return false;
    if (this.#controller) return this.#controller.desiredSize! <= 0;
    return this.#kept.length >= KEPT_FRAMES;
  }

  /** The stream. Made on first use; excludes {@link attach}. */
  get readable(): ReadableStream<Frame> {
    if (this.#readable) return this.#readable;
    if (this.#sink) throw new TypeError("Cannot make readable: a sink is attached");
    this.#readable = new ReadableStream<Frame>({
      start: (controller) => {
        this.#controller = controller;
        for (const frame of this.#take()) controller.enqueue(frame);
        if (this.#end || this.#discarded) controller.close();
      },
      pull: () => this.#events.wanted(),
      cancel: () => {
        this.#controller = undefined;
        this.#sink = silent;
        this.#events.cancelled();
        this.#events.wanted();
      },
    }, { highWaterMark: KEPT_FRAMES });
    return this.#readable;
  }

  /** Sends all frames, those kept first, to the sink. */
  attach(sink: FrameSink): void {
    if (this.#sink) throw new TypeError("Cannot attach: a sink is attached");
    if (this.#readable) throw new TypeError("Cannot attach: readable is in use");
    this.#sink = sink;
    for (const frame of this.#take()) {
      if (this.#sink !== sink) return; // let go of meanwhile, or it threw
      this.frame(frame);
    }
    if (this.#end && !this.#discarded) this.end(this.#end);
    this.#events.wanted();
  }

  /** Takes a text message. */
  text(data: string): void {
    const sink = this.#sink;
    if (sink?.text === undefined) return this.frame({ type: "text", data });
    try {
      sink.text(data);
    } catch {
      this.#failed(); // as below
    }
  }

  /** Takes a frame. */
  frame(frame: Frame): void {
    if (this.#sink) {
      try {
        this.#sink.frame(frame);
      } catch {
        // It must not reach the platform. The session ends, which is how everybody learns of it.
        this.#failed();
      }
    } else if (this.#controller) this.#controller.enqueue(frame);
    else this.#kept.push(frame);
  }

  /** Takes the end. */
  end(end: SessionEnd): void {
    this.#end = end;
    const sink = this.#sink;
    if (!sink) return this.#controller?.close();
    this.#sink = silent;
    try {
      sink.end(end);
    } catch {
      this.#events.failed(); // there is no one left to tell; the session has ended as it is
    }
  }

  /** The session was abandoned: nothing is said any more, a stream just ends. */
  discard(): void {
    this.#discarded = true;
    if (this.#sink) this.#sink = silent;
    this.#kept = [];
    this.#controller?.close();
    this.#controller = undefined;
  }

  #failed(): void {
    this.#events.failed();
    // Of a session that had ended before the sink came, that says nothing.
    if (this.#end) this.end(this.#end);
  }

  #take(): Frame[] {
    const kept = this.#kept;
    this.#kept = [];
    return kept;
  }
}
