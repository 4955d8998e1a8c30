import { assert, assertEquals } from "@std/assert";
import { openingRequest, RawClient } from "../support/raw/client.ts";
import { frame, OPCODE } from "../support/raw_server.ts";
import { type ScriptedServer, startScripted } from "../support/scripted.ts";
import { test } from "../support/harness.ts";

const platforms = ["deno", "node", "bun"] as const;

interface Answer {
  readonly status: number;
  readonly cors: string | null;
  readonly json: {
    readonly ws: unknown;
    readonly port: number;
    readonly received: unknown;
    readonly handshakes: readonly {
      readonly protocols: readonly string[];
      readonly headers: readonly (readonly [name: string, value: string])[];
    }[];
    readonly ended: readonly { readonly code: number }[];
  };
}

/** Runs `use` with a server and a way to ask its HTTP side. */
async function withScripted(
  use: (server: ScriptedServer, ask: (path: string) => Promise<Answer>) => Promise<void>,
): Promise<void> {
  const server = await startScripted();
  try {
    await use(server, async (path) => {
      const response = await fetch(server.http + path);
      const cors = response.headers.get("access-control-allow-origin");
      return { status: response.status, cors, json: await response.json() as Answer["json"] };
    });
  } finally {
    await server.close();
  }
}

test("startScripted() tells its bases to any origin", { only: platforms }, async () => {
  await withScripted(async ({ ws, wss, http }, ask) => {
    const { status, cors, json } = await ask("info");
    assertEquals([status, cors], [200, "*"]);
    assertEquals<unknown>(json, { ws, wss, http });
    assert(ws.startsWith("ws://127.0.0.1:") && ws.endsWith("/"), ws);
    assert(wss.startsWith("wss://127.0.0.1:") && wss.endsWith("/"), wss);
  });
});

test("startScripted() answers what it does not know with a status", {
  only: platforms,
}, async () => {
  await withScripted(async ({ http }, ask) => {
    assertEquals((await ask("nothing")).status, 404);
    assertEquals((await ask("wait?id=a&for=never")).status, 400);
    assertEquals((await ask("do?id=nobody&what=reset")).status, 404);
    const client = await RawClient.open(Number(new URL(http).port));
    client.send(openingRequest("/nothing"));
    const answer = new TextDecoder().decode(await client.bytes());
    assert(answer.startsWith("HTTP/1.1 404 "), answer);
    await client.close();
  });
});

test("startScripted() counts connections apart from its HTTP side", {
  only: platforms,
}, async () => {
  await withScripted(async ({ http }, ask) => {
    await ask("info");
    const client = await RawClient.open(Number(new URL(http).port));
    client.send(openingRequest("/echo?id=one", ["X-Name: v"]));
    assertEquals((await ask("wait?id=one&for=open")).status, 200);
    assertEquals((await ask("count")).json.ws, { tcp: 1, handshakes: 1, open: 1 });
    await client.close();
    await ask("wait?id=one&for=ended");
    assertEquals((await ask("count")).json.ws, { tcp: 1, handshakes: 1, open: 0 });
  });
});

test("startScripted() remembers what came under a name, and acts on it", {
  only: platforms,
}, async () => {
  await withScripted(async ({ http }, ask) => {
    const client = await RawClient.open(Number(new URL(http).port));
    client.send(openingRequest("/echo?id=two", ["X-Name: v", "Sec-WebSocket-Protocol: a, b"]));
    await ask("wait?id=two&for=open");
    client.send(frame(OPCODE.text, "hello", { mask: true }));
    client.send(frame(OPCODE.binary, Uint8Array.of(1, 255), { mask: true }));
    const { json } = await ask("wait?id=two&for=frames&n=2");
    assertEquals(json.received, [
      { type: "text", bytes: 5, data: "hello" },
      { type: "binary", bytes: 2, data: "01ff" },
    ]);
    assertEquals(json.handshakes[0]?.protocols, ["a", "b"]);
    assert(json.handshakes[0]?.headers.some(([n, v]) => n === "X-Name" && v === "v"));
    await ask("do?id=two&what=reset");
    assertEquals(await client.over, "ECONNRESET");
    await client.close();
    assertEquals((await ask("wait?id=two&for=ended")).json.ended[0]?.code, 1006);
  });
});

test("startScripted() gives a port on which nobody listens", { only: platforms }, async () => {
  await withScripted(async (_server, ask) => {
    const { port } = (await ask("closed-port")).json;
    const refused = await RawClient.open(port).then(
      (client) => client.close().then(() => false),
      (error: { code?: string }) => error.code === "ECONNREFUSED",
    );
    assert(refused);
  });
});
