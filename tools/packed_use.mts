// A user's program on the packed npm form: every entry point loads, and frames come back over a
// real socket. Arguments: the echo server's base URL, then the subpaths to import.
import { isTransportError, open } from "@holdfast/ws";
import { connect as connectBun } from "@holdfast/ws/bun";
import { connect as connectNode } from "@holdfast/ws/node";
import { mockRuntime } from "@holdfast/ws/testing";

/** Types of Node are not installed beside the module: it does not need them. */
declare const process: {
  readonly argv: readonly string[];
  readonly versions: Readonly<Record<string, string>>;
};

const [base = "", ...subpaths] = process.argv.slice(2);

function demand(holds: boolean, what: string): void {
  if (!holds) throw new Error(`Packed module: ${what}`);
}

for (const subpath of subpaths) {
  const module: Record<string, unknown> = await import(subpath);
  demand(Object.keys(module).length > 0, `${subpath} exports nothing`);
}

const connect = process.versions["bun"] === undefined ? connectNode : connectBun;
const connection = await connect(new URL("echo", base), {
  onSession: async ({ send, next }) => {
    await send("hello");
    await next((frame) => frame.data === "hello");
  },
});
for await (const frame of connection) {
  demand(frame.data === "hello" && frame.epoch === 1 && frame.seq === 1, "the echo is not ours");
  break;
}
await connection.control.shutdown();
demand(connection.lifecycle.value.phase === "closed", "it did not close");

const mock = mockRuntime({ seed: 1 });
const quiet = open("wss://feed.example/v1", { runtime: mock.runtime });
const dial = await mock.dial();
dial.open();
await quiet.ready;
dial.receive("tick");
await mock.settle();
demand(quiet.lifecycle.value.up && quiet.stats().received === 1, "the mock session is not up");
await quiet.control.shutdown();

try {
  open("http://[", { runtime: mock.runtime });
  demand(false, "a bad url was accepted");
} catch (error) {
  demand(isTransportError(error) || error instanceof TypeError, "a bad url is not refused clearly");
}
