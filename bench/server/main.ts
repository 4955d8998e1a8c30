/**
 * The other end of every benchmark, in a process of its own. It writes what was framed beforehand and counts what comes without unmasking it, so
 * that the client is what is measured.
 *
 * Prints `{"port":N,"securePort":N}`. A line on its input is the number of a port: it ends all connections, closes, and listens there anew, as a server
 * does at a deployment. It lives until its input ends.
 *
 * @module
 */
import { createServer, type Server, type Socket } from "node:net";
import process, { stdin, stdout } from "node:process";
import { createInterface } from "node:readline";
import { createServer as createSecureServer } from "node:tls";
import { SERVER_CERTIFICATE, SERVER_KEY } from "../../tests/support/tls/certificates.ts";
import { faultOf, faulty } from "./faults.ts";
import { roleOf } from "./roles.ts";
import { acceptance, ClientWalk } from "./wire.ts";

const sockets = new Set<Socket>();
const decoder = new TextDecoder("latin1");

function serve(socket: Socket): void {
  sockets.add(socket);
  socket.setNoDelay(true);
  socket.on("error", () => socket.destroy());
  socket.on("close", () => sockets.delete(socket));
  let head = "";
  let walk: ClientWalk | undefined;
  socket.on("data", (chunk: Uint8Array) => {
    if (walk !== undefined) return walk.push(chunk);
    head += decoder.decode(chunk);
    const end = head.indexOf("\r\n\r\n");
    if (end < 0) return;
    const answer = acceptance(head);
    const target = /^GET (\S+)/.exec(head)?.[1];
    if (answer === undefined || target === undefined) {
      return void socket.end("HTTP/1.1 400 Bad Request\r\n\r\n");
    }
    const url = new URL(target, "ws://localhost");
    const fault = faultOf(url);
    if (fault?.refused) {
      return void socket.end("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n");
    }
    if (fault?.hangs) return;
    socket.write(answer);
    walk = new ClientWalk(fault === undefined ? roleOf(socket, url) : faulty(socket, fault));
    const rest = head.slice(end + 4);
    if (rest.length > 0) walk.push(Uint8Array.from(rest, (unit) => unit.charCodeAt(0)));
  });
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    // A thousand clients may knock in one moment.
    server.listen({ port, host: "127.0.0.1", backlog: 4_096 }, () => {
      resolve((server.address() as { port: number }).port);
    });
  });
}

const secure = createSecureServer({ key: SERVER_KEY, cert: SERVER_CERTIFICATE }, serve);
let plain = createServer(serve);
const port = await listen(plain, 0);
const securePort = await listen(secure, 0);
stdout.write(`${JSON.stringify({ port, securePort })}\n`);

for await (const line of createInterface({ input: stdin })) {
  const again = Number(line);
  plain.close();
  for (const socket of sockets) socket.destroy();
  plain = createServer(serve);
  stdout.write(`${JSON.stringify({ port: await listen(plain, again) })}\n`);
}
process.exit(0);
