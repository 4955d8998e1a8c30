/**
 * What the soak test is told.
 *
 * @module
 */

import { SOAK_LEAVES, type SoakLeaf } from "./leaves.ts";

/** What `--help` prints. */
export const HELP = `Soak: minutes of traffic with flat resources, over real sockets.

  --minutes N    how long, a fraction too (default 2)
  --runtime R    deno, node22, node24, node26, node (the newest of them) or bun (default deno)
  --leaf L       native, tcp, tcp-tls or tcp-worker, several with commas (default all of them)
  --seed S       what the server does when (default 1)
  --help         this

Every leaf has a client process of its own, and the servers have theirs, one with TLS. Each client runs steady readers, overloaded and slow
ones, readers that vanish and come back, senders, and connections that come and go, while the
server ends each session by a Close, a reset, FIN or silence, and refuses dials.

After a warm-up of a third of the time, heap (after garbage collection), timers, listeners, sockets
and descriptors must be flat: the slope is the median over all pairs of samples. At the end nothing
may be left, and every frame must be accounted for. Ctrl-C ends it early, with the summary.`;

/** A wrong argument. */
export class UsageError extends Error {}

/** The choices. */
export interface SoakOptions {
  readonly minutes: number;
  readonly runtime: string;
  readonly seed: number;
  readonly leaves: readonly SoakLeaf[];
}

const RUNTIMES = ["deno", "node22", "node24", "node26", "node", "bun"];

/**
 * Reads the arguments.
 *
 * @returns The choices, or `undefined` when help was asked for.
 * @throws {UsageError}
 */
export function parse(args: readonly string[]): SoakOptions | undefined {
  const options = { minutes: 2, runtime: "deno", seed: 1, leaves: SOAK_LEAVES };
  const rest = [...args];
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    const [name = "", inline] = arg.split("=", 2);
    const value = () => inline ?? rest.shift() ?? "";
    const number = () => {
      const text = value();
      const parsed = Number(text);
      if (text !== "" && Number.isFinite(parsed) && parsed > 0) return parsed;
      throw new UsageError(`${name} takes a number above 0, not "${text}"`);
    };
    switch (name) {
      case "--help":
        return undefined;
      case "--minutes":
        options.minutes = number();
        break;
      case "--seed":
        options.seed = number();
        break;
      case "--leaf": {
        const names = value().split(",");
        const leaves = SOAK_LEAVES.filter((leaf) => names.includes(leaf));
        if (leaves.length !== names.length) {
          throw new UsageError(`--leaf takes ${SOAK_LEAVES.join(", ")}, not "${names}"`);
        }
        options.leaves = leaves;
        break;
      }
      case "--runtime": {
        const runtime = value();
        if (!RUNTIMES.includes(runtime)) {
          throw new UsageError(`--runtime takes ${RUNTIMES.join(", ")}, not "${runtime}"`);
        }
        options.runtime = runtime === "node" ? "node26" : runtime;
        break;
      }
      default:
        throw new UsageError(`Unknown option "${arg}"`);
    }
  }
  return options;
}
