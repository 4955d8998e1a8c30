// A worker file that pretends to host a socket, and then says what it likes.
import { say, stay } from "./main_thread.ts";

const capabilities = {
  headers: true,
  handshakeStatus: "exact",
  ping: true,
  seePing: true,
  terminate: true,
  maxMessageBytes: Infinity,
  wireDials: 1,
  recvAxis: false,
};
say({ type: "hello", version: 2, capabilities });
say({ type: "opened", protocol: "" });
say({ type: "batch", frames: { length: 1e9 }, droppedFrames: -1 });
for (let i = 0; i < 1_000; i++) say({ type: "end", end: { code: i, reason: i } });
stay();
