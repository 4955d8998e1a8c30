// The rules for joining a snapshot and diffs, at their boundaries.
import { assertEquals } from "@std/assert";
import { DepthBook, type DepthDiff } from "../../examples/adapters/depth_book.ts";
import { test } from "../support/harness.ts";

const diff = (U: number, u: number, price = "1.0", quantity = "1.0"): DepthDiff => ({
  s: "A",
  U,
  u,
  b: [[price, quantity]],
  a: [],
});

for (const [first, again] of [[10, false], [11, false], [12, true]] as const) {
  test(`DepthBook ${again ? "wants a newer" : "takes a"} snapshot at 10 when ${first} is the first that waits`, () => {
    const book = new DepthBook();
    book.diff(diff(first, 15, "2.0", "3.0"));
    assertEquals(book.snapshot(10, [["1.0", "1.0"]], []), again);
    assertEquals([book.live, book.id], again ? [false, 0] : [true, 15]);
    if (again) assertEquals(book.snapshot(12, [["1.0", "1.0"]], []), false);
    assertEquals([...book.bids], [["1.0", "1.0"], ["2.0", "3.0"]]);
  });
}

test("DepthBook drops what the snapshot holds already, and deletes at quantity zero", () => {
  const book = new DepthBook();
  book.diff(diff(8, 10, "9.0", "9.0"));
  assertEquals(book.snapshot(10, [["1.0", "1.0"]], []), false);
  assertEquals(book.diff(diff(9, 10, "9.0", "9.0")), false);
  assertEquals([...book.bids], [["1.0", "1.0"]]);
  book.diff(diff(11, 11, "1.0", "0.00000000"));
  assertEquals([...book.bids], []);
});

test("DepthBook is not live after a gap, and keeps the diff behind it for the next snapshot", () => {
  const book = new DepthBook();
  book.snapshot(10, [], []);
  assertEquals(book.diff(diff(12, 13, "2.0")), true);
  assertEquals(book.live, false);
  assertEquals(book.snapshot(11, [["1.0", "1.0"]], []), false);
  assertEquals([book.id, book.bids.size], [13, 2]);
});

test("DepthBook wants another snapshot when what waited has a hole", () => {
  const book = new DepthBook();
  book.diff(diff(11, 11));
  book.diff(diff(13, 13));
  assertEquals(book.snapshot(10, [], []), true);
  assertEquals(book.snapshot(12, [], []), false);
  assertEquals(book.id, 13);
});
