/**
 * What the server has counted.
 *
 * @module
 */
import type { BenchServer } from "./programs.ts";

/** Counts of the whole server. */
export interface ServerStats {
  readonly pings: number;
  readonly pongs: number;
}

/** Asks for them. */
export function serverStats({ port }: BenchServer): Promise<ServerStats> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/stats`);
    socket.onerror = () => reject(new Error("The server does not answer"));
    socket.onmessage = ({ data }) => {
      resolve(JSON.parse(data as string) as ServerStats);
      socket.close();
    };
  });
}
