/**
 * Every event in every mode. What is not in the table does nothing at all: that is asserted too.
 *
 * `~` is a trace event, `no x` a timer cleared, `x in n` a timer set.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { test } from "../support/harness.ts";
import { events, modes, outcome } from "./machine_table.ts";

const table: { readonly [mode: string]: { readonly [event: string]: string } } = {
  "idle": {
    "start": "dialing (connecting), ready in 90000, dial 1",
    "opened": "idle (connecting), refuse 1",
    "opened late": "idle (connecting), refuse 0",
    "shutdown": "ended (closed), finish, end",
    "shutdown sooner": "ended (closed), finish, end",
  },
  "dialing": {
    "opened": "starting (connecting), adopt 1, ~open, start in 60000, runStart",
    "opened late": "dialing (connecting), refuse 0",
    "dialFailed": "waiting (connecting), ~failure, ~retry, retry in 750",
    "timer ready": "ended (connecting), cancel 1, ~exhausted, finish: exhausted, end",
    "shutdown": "ended (closed), cancel 1, finish, no ready, end",
    "shutdown sooner": "ended (closed), cancel 1, finish, no ready, end",
  },
  "dialing again": {
    "opened": "starting (reconnecting), adopt 2, ~open, start in 60000, runStart",
    "opened late": "dialing (reconnecting), refuse 0",
    "dialFailed": "waiting (reconnecting), ~failure, ~retry, retry in 1250",
    "shutdown": "ended (closed), cancel 2, finish, end",
    "shutdown sooner": "ended (closed), cancel 2, finish, end",
  },
  "waiting": {
    "opened": "waiting (connecting), refuse 1",
    "opened late": "waiting (connecting), refuse 0",
    "timer retry": "dialing (connecting), dial 2",
    "timer ready": "ended (connecting), ~exhausted, finish: exhausted, no retry, end",
    "forceReconnect": "dialing (connecting), no retry, dial 2",
    "shutdown": "ended (closed), finish, no retry, no ready, end",
    "shutdown sooner": "ended (closed), finish, no retry, no ready, end",
  },
  "waiting again": {
    "opened": "waiting (reconnecting), refuse 1",
    "opened late": "waiting (reconnecting), refuse 0",
    "timer retry": "dialing (reconnecting), dial 2",
    "forceReconnect": "dialing (reconnecting), no retry, dial 2",
    "shutdown": "ended (closed), finish, no retry, end",
    "shutdown sooner": "ended (closed), finish, no retry, end",
  },
  "starting": {
    "opened": "starting (connecting), refuse 1",
    "opened late": "starting (connecting), refuse 0",
    "started": "up (connected), no start, no ready, stable in 10000, renew in 95000, up, ~start",
    "startFailed":
      "waiting (connecting), ~failure, no start, drop 1: start_failed, ~retry, retry in 750",
    "lost": "waiting (connecting), ~failure, no start, drop 1: session_lost, ~retry, retry in 750",
    "stale": "starting (connecting)",
    "alive": "starting (connecting)",
    "timer start": "waiting (connecting), ~failure, drop 1: start_timeout, ~retry, retry in 750",
    "timer ready":
      "ended (connecting), ~exhausted, no start, drop 1: exhausted, finish: exhausted, end",
    "forceReconnect": "dialing (connecting), no start, drop 1: session_lost, dial 2",
    "markHealthy": "starting (connecting)",
    "shutdown": "closing (closed), no start, no ready, close 4000, finish, shutdown in 2000",
    "shutdown sooner": "closing (closed), no start, no ready, close 4000, finish, shutdown in 10",
  },
  "up": {
    "opened": "up (connected), refuse 1",
    "opened late": "up (connected), refuse 0",
    "lost":
      "waiting (reconnecting), ~failure, no stable, no renew, drop 1: session_lost, ~retry, retry in 750",
    "stale": "stale (stale), no stable, ~stale",
    "timer stable": "up (connected), ~stable",
    "timer renew": "dialing (reconnecting), no stable, drop 1: session_lost, dial 2",
    "forceReconnect": "dialing (reconnecting), no stable, no renew, drop 1: session_lost, dial 2",
    "markHealthy": "up (connected)",
    "shutdown": "closing (closed), no stable, no renew, close 4000, finish, shutdown in 2000",
    "shutdown sooner": "closing (closed), no stable, no renew, close 4000, finish, shutdown in 10",
  },
  "up again": {
    "opened": "up (resumed), refuse 2",
    "opened late": "up (resumed), refuse 0",
    "lost":
      "waiting (reconnecting), ~failure, no stable, no renew, drop 2: session_lost, ~retry, retry in 1250",
    "stale": "stale (stale), no stable, ~stale",
    "timer stable": "up (resumed), ~stable",
    "timer renew": "dialing (reconnecting), no stable, drop 2: session_lost, dial 3",
    "forceReconnect": "dialing (reconnecting), no stable, no renew, drop 2: session_lost, dial 3",
    "markHealthy": "up (resumed)",
    "shutdown": "closing (closed), no stable, no renew, close 4000, finish, shutdown in 2000",
    "shutdown sooner": "closing (closed), no stable, no renew, close 4000, finish, shutdown in 10",
  },
  "stale": {
    "opened": "stale (stale), refuse 1",
    "opened late": "stale (stale), refuse 0",
    "lost":
      "waiting (reconnecting), ~failure, no renew, drop 1: session_lost, ~retry, retry in 750",
    "alive": "up (connected), stable in 10000, ~alive",
    "timer renew": "dialing (reconnecting), drop 1: session_lost, dial 2",
    "forceReconnect": "dialing (reconnecting), no renew, drop 1: session_lost, dial 2",
    "markHealthy": "stale (stale)",
    "shutdown": "closing (closed), no renew, close 4000, finish, shutdown in 2000",
    "shutdown sooner": "closing (closed), no renew, close 4000, finish, shutdown in 10",
  },
  "closing": {
    "opened": "closing (closed), refuse 1",
    "opened late": "closing (closed), refuse 0",
    "lost": "ended (closed), no shutdown, drop 1: session_lost, end",
    "timer shutdown": "ended (closed), drop 1: closed, end",
    "shutdown sooner": "closing (closed), shutdown in 10",
  },
  "ended": {
    "opened": "ended (closed), refuse 1",
    "opened late": "ended (closed), refuse 0",
  },
};

for (const mode of Object.keys(modes)) {
  test(`transition() does what the table says with every event in mode ${mode}`, () => {
    const row = table[mode]!;
    const seen = Object.keys(events).map((event) => [event, outcome(mode, event)] as const);
    assertEquals(Object.fromEntries(seen.filter(([, result]) => result !== "-")), row);
  });
}
