/**
 * One fault of the network, in a network namespace of its own: run by `netns_test.ts` under
 * `unshare --net`. The peer is another process in the same namespace, and the loopback between them
 * is what the packet filter breaks. The last line of the output is what was seen.
 *
 * @module
 */
import { spawnSync } from "node:child_process";
import process from "node:process";
import { startPeer } from "./child.ts";
import { Feed } from "./feed.ts";
import { leafNamed } from "./leaves.ts";
import type { NetworkFault, Seen } from "./netns_faults.ts";

function run(command: string, ...args: readonly string[]): void {
  const { status, stderr, error } = spawnSync(command, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${error ?? stderr}`);
}

/** Adds a rule for the packets that match, or takes it back. */
function rule(what: "-A" | "-D", match: readonly string[], target: readonly string[]): void {
  run("iptables", "-w", what, "INPUT", "-p", "tcp", ...match, ...target);
}

run("ip", "link", "set", "lo", "up");
const [name, last] = process.argv.slice(-2);
const fault = last as NetworkFault;
const { child, url } = await startPeer();
const { port } = new URL(url);
const fromServer = ["--sport", port];
const toServer = ["--dport", port];
const DROP = ["-j", "DROP"];
const lossy = ["-m", "statistic", "--mode", "random", "--probability", "0.1", "-j", "DROP"];

/** What each fault drops or rejects. */
const RULES: Readonly<
  Record<NetworkFault, readonly (readonly [match: string[], target: string[]])[]>
> = {
  "cut both ways": [[fromServer, DROP], [toServer, DROP]],
  "cut while sending": [[fromServer, DROP], [toServer, DROP]],
  "cut from the server": [[fromServer, DROP]],
  "cut to the server": [[toServer, DROP]],
  "reset by a middlebox": [[toServer, ["-j", "REJECT", "--reject-with", "tcp-reset"]]],
  "packet loss": [[fromServer, lossy], [toServer, lossy]],
  "throttled": [
    [fromServer, ["-m", "limit", "--limit", "25/second", "--limit-burst", "5", "-j", "ACCEPT"]],
    [fromServer, DROP],
  ],
};

const carries = fault === "packet loss" || fault === "throttled";
const feed = new Feed(`${url}echo?tick=20`, {
  connectTimeoutMs: carries ? 10_000 : 300,
  liveness: carries ? { staleAfterMs: 20_000 } : { staleAfterMs: 500, deadAfterMs: 1_000 },
}, leafNamed(name)).read();
await feed.up();
await feed.until(() => feed.frames.length >= 5);
for (const [match, target] of RULES[fault]) rule("-A", match, target);
// A busy machine may have cost a session before: what counts is what comes from here on.
const epochAtCut = feed.connection.lifecycle.value.epoch;
const downsAtCut = feed.traced("down").length;
const isDown = () => feed.traced("down").length > downsAtCut;
let sends: Promise<unknown> | undefined;
if (fault === "cut while sending") {
  const chunk = "x".repeat(1_000);
  const send = async () => {
    while (!isDown()) {
      await feed.connection.send(chunk).catch(() => {});
      await new Promise<void>((resolve) => feed.clock.setTimer(resolve, 50));
    }
  };
  sends = send();
}
if (carries) {
  const before = feed.frames.length;
  await feed.until(() => feed.frames.length >= before + 200);
} else {
  await feed.until(isDown);
  // Dials into the fault fail in their own time, and do not end the feed.
  if (fault !== "reset by a middlebox") {
    await feed.until(() => feed.traced("failure").some(({ stage }) => stage === "dial"));
  }
}
const down = feed.traced("down")[downsAtCut];
const stale = feed.traced("stale").findLast(({ epoch }) => epoch === down?.epoch);
const heardAt = feed.lastFrameMs;
for (const [match, target] of RULES[fault]) rule("-D", match, target);
const healedAt = feed.clock.now();
await sends;
const opened = feed.connection.lifecycle.value.epoch - epochAtCut;
if (!carries) {
  await feed.up(epochAtCut + 1);
  const count = feed.frames.length;
  await feed.until(() => feed.frames.length >= count + 5);
}
const upAfterMs = feed.clock.now() - healedAt;
await feed.end();
const seen: Seen = {
  staleAfterMs: stale === undefined ? undefined : stale.atMs - heardAt,
  downAfterMs: down === undefined ? undefined : down.atMs - heardAt,
  upAfterMs,
  opened,
  failures: [...new Set(feed.traced("failure").map(({ error }) => error.code))],
  gaps: gaps(),
};
child.kill("SIGKILL");
process.stdout.write(JSON.stringify({ event: "seen", ...seen }) + "\n", () => process.exit(0));

/** Ticks that are missing within a session: TCP repeats what is lost, so none may be. */
function gaps(): number {
  let missing = 0;
  let epoch = 0;
  let next = 0;
  for (const { data, epoch: of } of feed.frames) {
    const tick = /^tick ([0-9]+)$/.exec(String(data))?.[1];
    if (tick === undefined) continue;
    if (of !== epoch) {
      epoch = of;
      next = 0;
    }
    missing += Number(tick) === next ? 0 : 1;
    next = Number(tick) + 1;
  }
  return missing;
}
