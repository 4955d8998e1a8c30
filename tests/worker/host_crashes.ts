// A worker file that hosts a socket, and fails when the first frame has come.
import { hostSocket } from "../../src/worker/host.ts";
import { web } from "../../src/runtime/web.ts";
import type { WsConnector } from "../../src/contract/connector.ts";

const { capabilities, connect }: WsConnector = web().connector;

hostSocket({
  connector: {
    capabilities,
    async connect(handshake, context) {
      const connection = await connect(handshake, context);
      connection.attach?.({
        frame: () => {
          setTimeout(() => {
            throw new Error("boom");
          }, 0);
        },
        dropped: () => {},
        end: () => {},
      });
      // The host reads from what never brings anything.
      return {
        protocol: connection.protocol,
        bufferedAmount: 0,
        closed: connection.closed,
        readable: new ReadableStream(),
        writable: connection.writable,
        send: (frame) => connection.send(frame),
        close: (code, reason) => connection.close(code, reason),
        abandon: () => connection.abandon(),
      };
    },
  },
});
