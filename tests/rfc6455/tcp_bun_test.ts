/**
 * The link over Bun's native socket: what it does with a socket that takes little, and with one that is not Bun's.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import type { Socket } from "node:net";
import { bunLink } from "../../src/runtime/tcp_bun.ts";
import type { ByteLink } from "../../src/runtime/tcp_transport.ts";
import { test } from "../support/harness.ts";

interface Handlers {
  data(socket: unknown, bytes: Uint8Array<ArrayBuffer>): void;
  drain(): void;
  end(): void;
  close(socket: unknown, cause?: unknown): void;
  error(socket: unknown, cause: unknown): void;
}

/** A native socket that takes as many bytes as the test says. */
class FakeNative {
  room = 0;
  readonly log: string[] = [];
  handlers!: Handlers;
  onWrite: () => void = () => {};

  reload({ socket }: { readonly socket: Handlers }): void {
    this.handlers = socket;
  }
  write(bytes: Uint8Array): number {
    this.onWrite();
    if (this.room < 0) return -1;
    const taken = Math.min(this.room, bytes.length);
    this.room -= taken;
    if (taken > 0) this.log.push(String.fromCharCode(...bytes.subarray(0, taken)));
    return taken;
  }
  pause(): void {
    this.log.push("pause");
  }
  resume(): void {
    this.log.push("resume");
  }
  shutdown(): void {
    this.log.push("shutdown");
  }
}

function linked(): { native: FakeNative; link: ByteLink; heard: string[] } {
  const native = new FakeNative();
  const heard: string[] = [];
  const socket = { _handle: native, destroy: () => native.log.push("destroy") };
  const link = bunLink(socket as unknown as Socket, {
    bytes: (chunk) => heard.push(String.fromCharCode(...chunk)),
    drained: () => heard.push("drained"),
    ended: (cause) => heard.push(cause instanceof Error ? `ended: ${cause.message}` : "ended"),
  });
  assert(link !== undefined);
  return { native, link, heard };
}

const bytes = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));

test("bunLink() writes what the socket did not take when it drains, in order", () => {
  const { native, link, heard } = linked();
  native.room = 4;
  link.write([bytes("abc"), bytes("def"), bytes("ghi")]);
  link.write([bytes("jkl")]);
  assertEquals([native.log, link.bufferedBytes], [["abc", "d"], 8]);
  native.room = 3;
  native.handlers.drain();
  assertEquals([native.log.splice(2), link.bufferedBytes, heard], [["ef", "g"], 5, []]);
  native.room = 100;
  native.handlers.drain();
  assertEquals([native.log.splice(2), link.bufferedBytes, heard], [["hi", "jkl"], 0, ["drained"]]);
  link.write([bytes("mno")]);
  native.handlers.drain();
  assertEquals([native.log.splice(2), heard], [["mno"], ["drained"]]);
});

test("bunLink() ends its half only after everything that was written", () => {
  const { native, link, heard } = linked();
  link.write([bytes("last")]);
  link.end();
  assertEquals(native.log, []);
  native.room = 100;
  native.handlers.drain();
  assertEquals([native.log, heard], [["last", "shutdown"], ["drained"]]);

  const idle = linked();
  idle.link.end();
  assertEquals(idle.native.log, ["shutdown"]);
});

test("bunLink() says the end once, gives the socket back, and does nothing afterwards", () => {
  const { native, link, heard } = linked();
  native.handlers.data(undefined, bytes("in"));
  native.handlers.error(undefined, new Error("reset"));
  native.handlers.close(undefined);
  native.handlers.end();
  native.handlers.data(undefined, bytes("late"));
  link.write([bytes("out")]);
  link.pause();
  link.resume();
  link.end();
  native.handlers.drain();
  assertEquals([heard, native.log], [["in", "ended: reset"], ["destroy"]]);
});

test("bunLink() says nothing after destroy()", () => {
  const { native, link, heard } = linked();
  link.write([bytes("kept")]);
  link.destroy();
  native.room = 100;
  native.handlers.drain();
  native.handlers.close(undefined, new Error("reset"));
  assertEquals([heard, native.log, link.bufferedBytes], [[], ["destroy"], 0]);
});

test("bunLink() keeps nothing when a write ends the connection at once", () => {
  const { native, link, heard } = linked();
  native.room = -1;
  native.onWrite = () => native.handlers.close(undefined, new Error("broken pipe"));
  link.write([bytes("one"), bytes("two")]);
  assertEquals([heard, native.log, link.bufferedBytes], [["ended: broken pipe"], ["destroy"], 0]);

  const later = linked();
  later.link.write([bytes("one"), bytes("two")]);
  later.native.onWrite = () => later.native.handlers.close(undefined);
  later.native.handlers.drain();
  assertEquals([later.heard, later.native.log, later.link.bufferedBytes], [["ended"], [
    "destroy",
  ], 0]);
});

test("bunLink() waits for a socket that says it is closed to say so itself", () => {
  const { native, link, heard } = linked();
  native.room = -1;
  link.write([bytes("abc")]);
  assertEquals([link.bufferedBytes, heard], [3, []]);
});

test("bunLink() declines a socket that is not Bun's", () => {
  const receiver = { bytes() {}, drained() {}, ended() {} };
  const whole = () => ({
    reload() {
      throw new Error("it was taken over");
    },
    write() {},
    pause() {},
    resume() {},
    shutdown() {},
  });
  const handles = Object.keys(whole()).map((lacking) => ({ ...whole(), [lacking]: undefined }));
  for (const handle of [undefined, null, {}, ...handles]) {
    assertEquals(bunLink({ _handle: handle } as unknown as Socket, receiver), undefined);
  }
});
