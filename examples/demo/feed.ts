/**
 * The client of the demo: an adapter over the connection, built from what `mod.ts` exports. It
 * subscribes again in every session, reads, stands still when it is asked to, and keeps the books.
 *
 * @module
 */
import {
  attemptBudget,
  type DeliveredFrame,
  type FrameLayer,
  open,
  type ReconnectingConnection,
  type TraceEvent,
} from "../../mod.ts";
import { RunLog, type Span } from "./accounting.ts";
import { Symptoms } from "./evidence.ts";
import { type ClientMessage, type FeedMessage, numberOf } from "./messages.ts";
import { BUFFER_FRAMES } from "./script.ts";
import { endInWords } from "./told.ts";

/** A feed, and what it has seen. */
export interface Feed {
  readonly connection: ReconnectingConnection;
  /** Resolves when the reader has seen the end of the feed; rejects if that was an error. */
  readonly read: Promise<void>;
  readonly symptoms: Symptoms;
  /** What came next to the socket. */
  readonly heard: RunLog;
  /** What the reader got. */
  readonly delivered: RunLog;
  readonly spans: readonly Span[];
}

/** Opens the feed. `onTrace` sees every edge of its life. */
export function openFeed(url: string, onTrace: (event: TraceEvent) => void): Feed {
  const symptoms = new Symptoms();
  const heard = new RunLog();
  const delivered = new RunLog();
  const spans: Span[] = [];

  /** Counts next to the socket, before anything can be dropped. */
  const witness: FrameLayer = ({ epoch }) => ({
    transform(frame, controller) {
      if (frame.type === "text" || frame.type === "binary") {
        heard.note(epoch, numberOf(frame.data) ?? 0);
      }
      controller.enqueue(frame);
    },
  });

  const connection: ReconnectingConnection = open(
    // Called for each dial: the server tells dials apart by their number.
    () => `${url}?dial=${symptoms.dials}`,
    {
      // Short times, so that a whole life fits into seconds. A real feed takes the defaults.
      connectTimeoutMs: 1_500,
      startTimeoutMs: 3_000,
      backoff: { minDelayMs: 40, maxDelayMs: 300, stableAfterMs: 500 },
      liveness: {
        staleAfterMs: 500,
        deadAfterMs: 1_600,
        probe: { afterMs: 250, frame: say({ op: "ping" }) },
      },
      attemptBudget: attemptBudget({ attempts: 60, windowMs: 10_000 }),
      buffer: { maxFrames: BUFFER_FRAMES },
      recv: [witness],
      async onSession({ epoch, send, next }) {
        const confirmed = next((frame) => isConfirmation(frame, epoch));
        await send(say({ op: "subscribe", epoch }));
        await confirmed;
      },
      tracer: {
        event(event) {
          symptoms.note(event);
          if (event.type === "down") {
            const { epoch, firstSeq, lastSeq, end } = event;
            const shutDown = connection.lifecycle.value.phase === "closed";
            spans.push({
              epoch,
              firstSeq,
              lastSeq,
              ended: endInWords(end, shutDown),
              ...(end.origin === "server" && end.clean ? { serverClose: end.code } : {}),
            });
          }
          onTrace(event);
        },
      },
    },
  );

  async function read(): Promise<void> {
    for await (const frame of connection) {
      delivered.note(frame.epoch, numberOf(frame.data) ?? 0, frame.seq);
      const message = messageOf(frame);
      if (message?.type === "stall") await stall(frame.epoch, message.frames);
    }
  }

  /** Stands still until so many frames are lost, or the session is. */
  async function stall(epoch: number, frames: number): Promise<void> {
    const { lifecycle } = connection;
    const before = lifecycle.value.totalLagged;
    const lost = () => lifecycle.value.totalLagged - before;
    const isOver = () => {
      const { phase, epoch: now } = lifecycle.value;
      return now !== epoch || phase === "reconnecting" || phase === "closed";
    };
    try {
      await connection.send(say({ op: "stalling" }));
      await lifecycle.waitFor(() => lost() >= frames || isOver());
    } catch {
      // The session or the connection has ended meanwhile: nothing to stand still for. What was
      // not shown will be missing in the verdict.
    }
    if (lost() >= frames) symptoms.stalled.add(epoch);
  }

  return { connection, read: read(), symptoms, heard, delivered, spans };
}

function say(message: ClientMessage): string {
  return JSON.stringify(message);
}

function messageOf(frame: DeliveredFrame): FeedMessage | undefined {
  return frame.type === "text" ? JSON.parse(frame.data) as FeedMessage : undefined;
}

function isConfirmation(frame: DeliveredFrame, epoch: number): boolean {
  const message = messageOf(frame);
  return message?.type === "subscribed" && message.epoch === epoch;
}
