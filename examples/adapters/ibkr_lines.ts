/**
 * Market data lines of the IBKR Client Portal gateway, which end after 15 minutes without a word and without hurting the socket.
 *
 * Three duties are the adapter's, because the transport cannot see them: `tic` every minute, a tickle over REST every minute, and asking for
 * each line again at two thirds of its life. A watchdog per line finds those that fell silent. None of it reconnects. Only a lost session
 * does: the auth source then pulls a new one with the next dial, and `onSession` asks for every line.
 *
 * ```sh
 * deno run -A --unsafely-ignore-certificate-errors=localhost examples/adapters/ibkr_lines.ts 265598 8314
 * ```
 *
 * @module
 */
import process from "node:process";
import type { ConnectionOptions, DeliveredFrame, open as openFeed } from "../../mod.ts";
import { defaultClassify, type ReconnectingConnection, TransportError } from "../../mod.ts";
import { ibkrGateway, presetOptions } from "../../src/venues/mod.ts";
import { sendWhileUp } from "./send_while_up.ts";

/** A change of one line: field number to value. */
export interface Tick {
  readonly conid: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

type Message = { readonly tick: Tick } | { readonly authenticated: boolean };

/** What {@link ibkrLines} takes. Durations are the venue's; a simulator has shorter ones. */
export interface IbkrLinesOptions {
  readonly conids: readonly string[];
  readonly url?: string;
  readonly restUrl?: string;
  readonly fields?: readonly string[];
  readonly lifetimeMs?: number;
  readonly ticEveryMs?: number;
  readonly tickleEveryMs?: number;
  /** A line without a tick for so long is asked for anew. */
  readonly frozenAfterMs?: number;
  readonly onTick?: (tick: Tick) => void;
  readonly onFrozen?: (conid: string) => void;
  readonly onSessionLost?: () => void;
  readonly connection?: ConnectionOptions;
  /** The cookie needs a runtime with request headers: `open` of `@holdfast/ws/deno`, `/node` or `/bun`. */
  readonly open: typeof openFeed;
}

/** Text frames that this adapter knows, by topic; greetings, heartbeats and the four answers to each `tic` end here. */
function demux(): TransformStream<DeliveredFrame, Message> {
  return new TransformStream({
    transform(frame, controller) {
      if (frame.type !== "text") return;
      const { topic, args, conidEx, ...fields } = JSON.parse(frame.data) as {
        topic?: string;
        args?: { authenticated?: boolean };
        conidEx?: string;
      };
      if (topic === "sts" && args?.authenticated !== undefined) {
        controller.enqueue({ authenticated: args.authenticated });
      } else if (topic?.startsWith("smd+")) {
        controller.enqueue({ tick: { conid: conidEx ?? topic.slice(4), fields } });
      }
    },
  });
}

const PENALTY = new Error("Cannot tickle: too many requests");
const BOX = { verdict: "transient", minDelayMs: 900_000 } as const;

/** Follows the lines until the feed ends. */
export function ibkrLines(options: IbkrLinesOptions): {
  readonly feed: ReconnectingConnection;
  readonly done: Promise<void>;
} {
  const { restUrl = "https://localhost:5000/v1/api", url = ibkrGateway.urls[0]!.value } = options;
  const { lifetimeMs = 900_000, frozenAfterMs = 60_000, ticEveryMs = 50_000 } = options;
  const { tickleEveryMs = 55_000, fields = ["31", "84", "86"] } = options;
  const lines = new Map(options.conids.map((conid) => [conid, { askedMs: 0, heardMs: 0 }]));

  async function tickle(signal?: AbortSignal): Promise<string> {
    const answer = await fetch(`${restUrl}/tickle`, { method: "POST", signal: signal ?? null });
    const body = await answer.text(); // not always JSON
    if (answer.status === 401) throw new TransportError("auth_rejected", "Cannot tickle: log in");
    if (answer.status === 429) throw PENALTY;
    const { session } = JSON.parse(body) as { session?: string };
    if (session === undefined) throw new Error(`Cannot tickle: ${answer.status}`);
    return session;
  }
  function ask(conid: string): string {
    const now = performance.now();
    lines.set(conid, { askedMs: now, heardMs: now });
    return `smd+${conid}+${JSON.stringify({ fields })}`;
  }
  const { classify = defaultClassify, ...preset } = presetOptions(ibkrGateway, options.connection);
  const feed = options.open(url, {
    ...preset,
    classify: (failure) => failure.error.cause === PENALTY ? BOX : classify(failure),
    async auth({ headers }, { signal }) {
      headers.set("cookie", `api=${JSON.stringify({ session: await tickle(signal) })}`);
    },
    async onSession(session) {
      await session.next(({ type, data }) =>
        type === "text" && /"authenticated":true/.test(data as string)
      );
      for (const conid of lines.keys()) await session.send(ask(conid));
    },
  });
  const whileUp = (everyMs: number, duty: () => void) =>
    setInterval(() => feed.lifecycle.value.up && duty(), everyMs);
  const timers = [
    whileUp(ticEveryMs, () => void sendWhileUp(feed, "tic")),
    whileUp(tickleEveryMs, () => void tickle().catch(() => feed.control.forceReconnect())),
    whileUp(lifetimeMs / 30, () => {
      const now = performance.now();
      for (const [conid, { askedMs, heardMs }] of lines) {
        if (now - heardMs > frozenAfterMs) {
          options.onFrozen?.(conid);
          void sendWhileUp(feed, `umd+${conid}+{}`);
        } else if (now - askedMs < lifetimeMs * 2 / 3) continue;
        void sendWhileUp(feed, ask(conid));
      }
    }),
  ];
  const done = feed.readable.pipeThrough(demux()).pipeTo(
    new WritableStream({
      write(message) {
        if ("tick" in message) {
          const line = lines.get(message.tick.conid);
          if (line !== undefined) line.heardMs = performance.now();
          options.onTick?.(message.tick);
        } else if (!message.authenticated) {
          options.onSessionLost?.();
          feed.control.forceReconnect();
        }
      },
    }),
  ).finally(() => timers.forEach(clearInterval));
  return { feed, done };
}

if (import.meta.main) {
  const { open } = await import("../../src/runtime/deno.ts");
  const { done } = ibkrLines({
    conids: process.argv.slice(2),
    open,
    onTick: ({ conid, fields }) => console.log(conid, JSON.stringify(fields)),
    onFrozen: (conid) => console.error("frozen:", conid),
    onSessionLost: () => console.error("session lost"),
  });
  await done;
}
