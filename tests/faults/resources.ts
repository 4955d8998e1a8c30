/**
 * What a process holds, counted from outside of it or at the object itself.
 *
 * @module
 */
import { spawnSync } from "node:child_process";
import { channel } from "node:diagnostics_channel";
import process from "node:process";

export { countedSignal } from "./counted_signal.ts";

/**
 * The network sockets that a process holds, whatever state they are in; those of pipes to other
 * processes do not count. Through a shell, because Deno lets no program look at `/proc` that has not
 * all permissions, and through one of them, because its own pipes are such sockets, too.
 *
 * @returns How many, or `undefined` where there is no `/proc`.
 */
export function openSockets(pid: number = process.pid): number | undefined {
  const script = `ls -l /proc/${pid}/fd 2>/dev/null; cat /proc/${pid}/net/unix`;
  const { stdout } = spawnSync("sh", ["-c", script], { encoding: "utf8", maxBuffer: 2 ** 26 });
  const [descriptors, local] = stdout.split(/^Num .*$/m);
  if (descriptors === undefined || local === undefined) return undefined;
  const unix = new Set(local.split("\n").map((line) => line.trim().split(/\s+/)[6]));
  const inodes = [...descriptors.matchAll(/-> socket:\[([0-9]+)\]/g)].map((match) => match[1]!);
  return new Set(inodes.filter((inode) => !unix.has(inode))).size;
}

/** The memory that a process has in RAM, in bytes; 0 where there is no `/proc`. */
export function residentBytes(pid: number): number {
  const { stdout } = spawnSync("cat", [`/proc/${pid}/statm`], { encoding: "utf8" });
  return Number(stdout.split(" ")[1] ?? 0) * 4_096;
}

/** The channels on which the Node leaf listens while a handshake is under way. */
const CHANNELS = [
  "undici:request:create",
  "undici:client:sendHeaders",
  "undici:request:headers",
  "undici:request:error",
];

/** Those that somebody listens to now. */
export function heardChannels(): string[] {
  return CHANNELS.filter((name) => channel(name).hasSubscribers);
}
