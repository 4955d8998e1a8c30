/**
 * A server that goes wrong: `/fault?kind=K&key=ID`, where connections of one key belong together. The first is greeted and then lost, the second
 * meets the fault if that is one of dialling, and every other one is greeted and stays. A greeting is JSON; from the second on it has the time of the
 * loss, so that a client knows how long it was without a feed.
 *
 * @module
 */
import type { Socket } from "node:net";
import { politely } from "./roles.ts";
import { type ClientFrames, serverFrame } from "./wire.ts";

/** What goes wrong. `hungAuth` does so at the client, which is lost and then waits for its own URL. */
export const FAULTS = ["kill", "halfOpen", "hungUpgrade", "hungAuth", "status401"] as const;

/** One of them. */
export type Fault = typeof FAULTS[number];

/** What a client reads in a greeting. */
export interface Greeting {
  /** When the first connection was lost, in milliseconds since 1970; not in the greeting of the first. */
  readonly lostAt?: number;
}

interface Story {
  connections: number;
  lostAt: number | undefined;
}

/** What one connection of a story will meet. */
export interface FaultyConnection {
  readonly kind: Fault;
  readonly story: Story;
  /** Whether it is the first, which is lost. */
  readonly first: boolean;
  /** The upgrade is never answered. */
  readonly hangs: boolean;
  /** The upgrade is refused with 401. */
  readonly refused: boolean;
}

/** How long the first connection lives. */
const LIFE_MS = 50;

const stories = new Map<string, Story>();

/** What the next connection to this URL meets; `undefined` if it is no URL for faults. */
export function faultOf(url: URL): FaultyConnection | undefined {
  if (url.pathname !== "/fault") return undefined;
  const kind = url.searchParams.get("kind") as Fault;
  const key = `${kind} ${url.searchParams.get("key")}`;
  const story = stories.get(key) ?? { connections: 0, lostAt: undefined };
  stories.set(key, story);
  const second = ++story.connections === 2;
  return {
    kind,
    story,
    first: story.connections === 1,
    hangs: second && kind === "hungUpgrade",
    refused: second && kind === "status401",
  };
}

/** Greets, and lets the first connection of a story be lost. */
export function faulty(socket: Socket, { kind, story, first }: FaultyConnection): ClientFrames {
  const { lostAt } = story;
  const greeting: Greeting = lostAt === undefined ? {} : { lostAt };
  socket.write(serverFrame(1, new TextEncoder().encode(JSON.stringify(greeting))));
  if (first) {
    setTimeout(() => {
      story.lostAt = Date.now();
      // A peer that is half open still acknowledges on TCP, and neither reads nor writes.
      if (kind === "halfOpen") socket.pause();
      else socket.resetAndDestroy();
    }, LIFE_MS);
  }
  return politely(socket);
}
