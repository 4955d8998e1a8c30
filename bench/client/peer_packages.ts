/**
 * The packages of the peers, as far as they are used here.
 *
 * They are imported by a name in a variable, so that whoever checks or runs other files needs none of them.
 *
 * @module
 */
import type { Message } from "./meter.ts";

/** Imports a package that may not be there. */
export async function load<T>(name: string): Promise<T> {
  return await import(name) as T;
}

/** A peer that is an `EventTarget` in the shape of `WebSocket`. */
export interface EventSocket extends EventTarget {
  binaryType: string;
  send(data: string): void;
  close(): void;
}

/** Where to dial: a URL, or what gives one at each dial. */
export type Target = string | (() => Promise<string>);

/** Makes such a peer. */
export type EventSocketClass = new (
  url: Target,
  protocols?: undefined,
  options?: object,
) => EventSocket;

/** The class of `@nktkas/rews`. */
export async function rewsClass(): Promise<EventSocketClass> {
  const peer = await load<{ ReconnectingWebSocket: EventSocketClass }>("@nktkas/rews");
  return peer.ReconnectingWebSocket;
}

/** The class of `partysocket`. */
export async function partysocketClass(): Promise<EventSocketClass> {
  return (await load<{ WebSocket: EventSocketClass }>("partysocket")).WebSocket;
}

/** What `@atproto/ws-client` gives at each open. */
export interface AtprotoSender {
  send(data: string): Promise<void>;
}

/** Its options that are used here. */
export interface AtprotoOptions {
  readonly heartbeat: false | { readonly intervalMs: number };
  readonly highWaterMark?: number;
  readonly maxReconnectSeconds?: number;
  readonly onConnect?: (sender: AtprotoSender) => void;
}

/** The iterator of `@atproto/ws-client`. On all three runtimes it runs over `ws`, which the condition "node" of its imports selects. */
export async function atprotoFeed(
  url: Target,
  options: AtprotoOptions,
): Promise<AsyncGenerator<Message>> {
  const { websocket } = await load<
    { websocket(url: Target, options: AtprotoOptions): AsyncGenerator<Message> }
  >("@atproto/ws-client");
  return websocket(url, options);
}

/** An effect, as far as `yield*` and the functions below need to know it. */
type Effect<T> = { [Symbol.iterator](): Iterator<unknown, T, unknown> };

/** One connection of effect's socket. */
export interface EffectSession {
  /** The next messages. */
  readonly pull: Effect<readonly Message[]>;
  /** Sends messages, all at once. */
  writeAll(data: readonly string[]): Effect<void>;
}

/** What is made of a socket of effect's. */
export interface EffectOptions {
  readonly highWaterMark?: number;
  readonly openTimeout?: number;
  /** Dial again so many milliseconds after whatever ended the session, as the package's documentation does it: by `Effect.retry`. */
  readonly retryAfterMs?: number;
}

interface EffectNamespace {
  gen<T>(body: () => Generator<unknown, T, unknown>): Effect<T>;
  promise<T>(make: () => Promise<T>): Effect<T>;
  scoped<T>(effect: Effect<T>): Effect<T>;
  retry<T>(effect: Effect<T>, options: { schedule: unknown }): Effect<T>;
  provide<T>(effect: Effect<T>, layer: unknown): Effect<T>;
  runPromise<T>(effect: Effect<T>): Promise<T>;
}

interface EffectSocket {
  readonly reader: Effect<{ readonly pull: EffectSession["pull"] }>;
  readonly writer: Effect<Pick<EffectSession, "writeAll">>;
}

/** Runs a session of effect's `Socket` over the platform's `WebSocket`, batch by batch, which is the lowest and fastest of its forms. */
export async function runEffect(
  url: Target,
  { retryAfterMs, ...options }: EffectOptions,
  session: (session: EffectSession) => Generator<unknown, void, unknown>,
): Promise<void> {
  const { Effect, Schedule } = await load<
    { Effect: EffectNamespace; Schedule: { spaced(ms: number): unknown } }
  >("effect");
  const { makeWebSocket, layerWebSocketConstructorGlobal } = await load<{
    makeWebSocket(url: string | Effect<string>, options: object): Effect<EffectSocket>;
    layerWebSocketConstructorGlobal: unknown;
  }>("effect/socket/Socket");
  const target = typeof url === "string" ? url : Effect.promise(url);
  const program = Effect.gen(function* () {
    const socket = yield* makeWebSocket(target, options);
    const { writeAll } = yield* socket.writer;
    const live = Effect.scoped(Effect.gen(function* () {
      const { pull } = yield* socket.reader;
      yield* session({ pull, writeAll });
    }));
    yield* retryAfterMs === undefined
      ? live
      : Effect.retry(live, { schedule: Schedule.spaced(retryAfterMs) });
  });
  await Effect.runPromise(Effect.provide(program, layerWebSocketConstructorGlobal));
}
