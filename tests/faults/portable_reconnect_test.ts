/**
 * The whole stack in a page: it comes back through three restarts of its server, each a reset and then a few refusals, as a
 * balancer answers while nothing is behind it. In Firefox the runner opens the page twice, because Firefox delays dials
 * after failures by itself: it must not need that to be turned off.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { open } from "../../src/runtime/web.ts";
import { test } from "../support/harness.ts";
import { withServer } from "../support/server.ts";

const RESTARTS = 3;
const REFUSALS = 3;

test(
  `open() in a page comes back through ${RESTARTS} restarts of its server`,
  { only: ["chromium", "firefox"], timeoutMs: 60_000 },
  () =>
    withServer(async ({ ws, http }) => {
      const id = crypto.randomUUID();
      let down = 0;
      let dials = 0;
      const feed = open(() => {
        dials++;
        return down-- > 0 ? `${ws}refuse?status=503` : `${ws}echo?id=${id}`;
      }, { backoff: { minDelayMs: 5, maxDelayMs: 20 } });
      const reading = feed[Symbol.asyncIterator]();
      try {
        for (let epoch = 1; epoch <= RESTARTS + 1; epoch++) {
          await feed.lifecycle.waitFor((now) => now.up && now.epoch === epoch);
          await feed.send(`session ${epoch}`);
          const { done, value } = await reading.next();
          assert(!done, "the feed goes on");
          assertEquals([value.data, value.epoch], [`session ${epoch}`, epoch]);
          if (epoch > RESTARTS) break;
          down = REFUSALS;
          await (await fetch(`${http}do?id=${id}&what=reset`)).text();
        }
        assertEquals(dials, 1 + RESTARTS * (REFUSALS + 1), "no dial is lost or made twice");
        assertEquals(feed.lifecycle.value.phase, "resumed");
      } finally {
        await feed.control.shutdown();
      }
    }),
);
