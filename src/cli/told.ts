/**
 * What happens to a connection, in words for the error output. Nothing here holds a payload, a header, or the query or user of a url.
 *
 * @module
 */
import {
  type ConnectionStats,
  isTransportError,
  type LifecycleSnapshot,
  type SessionEnd,
  type TraceEvent,
  type TransportError,
} from "../../mod.ts";
import { inFlags } from "./options.ts";

/** Server text made harmless for a terminal: quoted, without control characters. */
function quoted(text: string): string {
  // deno-lint-ignore no-control-regex -- to be taken out is what they are there for
  return JSON.stringify(text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, "?"));
}

function endInWords({ code, reason, origin, status }: SessionEnd): string {
  const said = reason === "" ? "" : ` ${quoted(reason)}`;
  switch (origin) {
    case "server":
      return `closed by the server with ${code}${said}`;
    case "local":
      return `ended from here with ${code}${said}`;
    case "network":
      return "lost";
    case "protocol":
      return `broken off with ${code}${said}`;
    case "handshake":
      return status === undefined ? "refused" : `refused with status ${status}`;
    default:
      return origin satisfies never;
  }
}

function framesInWords(firstSeq: number, lastSeq: number): string {
  return lastSeq < firstSeq ? "no frame" : `frames ${firstSeq} to ${lastSeq}`;
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(ms < 10_000 ? 2 : 0)} s`;
}

/** One line, or nothing where nobody at a terminal would miss it. */
export function lineOf(event: TraceEvent): string | undefined {
  switch (event.type) {
    case "dial":
      return `dial ${event.attempt} to ${event.url}`;
    case "failure":
      return event.stage === "session"
        ? undefined // "down" tells it
        : `${event.stage} failed (${event.error.code}, ${event.verdict}): ${event.error.message}`;
    case "open":
      return `session ${event.epoch} open${
        event.protocol === "" ? "" : `, protocol ${quoted(event.protocol)}`
      }`;
    case "start":
      return `session ${event.epoch} up`;
    case "stale":
      return `session ${event.epoch} stale: nothing heard`;
    case "alive":
      return `session ${event.epoch} alive again`;
    case "down":
      return `session ${event.epoch} ${endInWords(event.end)}, ${
        framesInWords(event.firstSeq, event.lastSeq)
      }`;
    case "retry":
      return `next dial in ${seconds(event.delayMs)}`;
    case "lag":
      return `reader too slow: ${event.totalLagged} frames dropped so far`;
    case "config":
      return event.message;
    case "unrecoverable":
    case "exhausted":
    case "probe":
    case "stable":
    case "end":
      return undefined;
    default:
      return event satisfies never;
  }
}

/** Why it was given up, and what failed last: with `--quiet`, nothing else says it. */
export function gaveUpLine({ code, message, cause }: TransportError): string {
  const why = inFlags(message.replace(/^Gave up: /, ""));
  return `gave up (${code}): ${why}${isTransportError(cause) ? `; at last: ${cause.message}` : ""}`;
}

/** The final counts, and whether every frame is accounted for. */
export function statsLine(stats: ConnectionStats, lifecycle: LifecycleSnapshot): string {
  const { received, leafDropped, delivered, totalLagged, buffered, totalDiscarded, sent } = stats;
  const came = received + leafDropped;
  const went = delivered + totalLagged + buffered + totalDiscarded;
  const { epoch, attempts, stales } = lifecycle;
  return `received=${received} leafDropped=${leafDropped} delivered=${delivered} ` +
    `lagged=${totalLagged} buffered=${buffered} discarded=${totalDiscarded} ` +
    `balance=${came === went ? "ok" : `off by ${came - went}`} ` +
    `sent=${sent} sessions=${epoch} dials=${attempts} stales=${stales}`;
}
