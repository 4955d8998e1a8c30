// The tarball is rewritten by hand, and every npm client has to read it.
import { assertEquals, assertThrows } from "@std/assert";
import { Buffer } from "node:buffer";
import { edited } from "../../tools/pack.mjs";
import { test } from "../support/harness.ts";

/** One file of an archive: header, body, padding. */
function entry(path: string, text: string): Buffer {
  const header = Buffer.alloc(512);
  header.write(path, 0);
  header.write("0000644\0", 100);
  header.write(`${text.length.toString(8).padStart(11, "0")}\0`, 124);
  header.write("ustar", 257);
  const body = Buffer.alloc(Math.ceil(text.length / 512) * 512);
  body.write(text);
  return Buffer.concat([header, body]);
}

const trailer = Buffer.alloc(1_024);
const shout = { mode: 0o755, change: (text: string) => `${text.toUpperCase()}${"!".repeat(600)}` };

test("edited() rewrites a file with its size, mode and checksum", () => {
  const tar: Buffer = edited(Buffer.concat([entry("a", "one"), trailer]), { a: shout });
  assertEquals(tar.length, 512 + 1_024 + 1_024);
  assertEquals(tar.toString("utf8", 124, 136), "00000001133\0"); // 603
  assertEquals(tar.toString("utf8", 100, 108), "0000755\0");
  assertEquals(tar.toString("utf8", 512, 512 + 603), `ONE${"!".repeat(600)}`);
  const sum = [...tar.subarray(0, 512)]
    .reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 32 : byte), 0);
  assertEquals(Number.parseInt(tar.toString("utf8", 148, 154), 8), sum);
});

test("edited() leaves every other file as it is, to the byte", () => {
  const [before, after] = [entry("b", "x".repeat(513)), entry("c", "")];
  const tar: Buffer = edited(Buffer.concat([before, entry("a", "one"), after, trailer]), {
    a: shout,
  });
  assertEquals(tar.subarray(0, before.length).equals(before), true);
  assertEquals(tar.subarray(-after.length - 1_024).equals(Buffer.concat([after, trailer])), true);
});

test("edited() refuses an archive that lacks a file it should change", () => {
  const tar = Buffer.concat([entry("b", ""), trailer]);
  assertThrows(() => edited(tar, { a: shout }), Error, "no a");
});
