/**
 * Round trips of the tcp leaf, where Nagle's algorithm and delayed acknowledgements would add 40 ms.
 *
 * @module
 */
import type { EchoResult } from "../client/echo.ts";
import type { Figures } from "../results.ts";
import type { Measured, SectionRun } from "./sections.ts";
import { startClient } from "./programs.ts";
import { quantile } from "./statistics.ts";

const SIZES = [1_025, 4_096, 16_384];
const TRIPS = 300;

/** Measures them. */
export async function measureEchoes({ runtime, server, note }: SectionRun): Promise<Measured> {
  const figures: Figures = {};
  const detail: Record<string, Record<string, number>> = {};
  for (const bytes of SIZES) {
    note(`echo on ${runtime}: ${TRIPS} times ${bytes} bytes`);
    const { client } = await startClient(runtime);
    try {
      const { native, tcp } = await client.ask<EchoResult>({
        job: "echo",
        url: `ws://127.0.0.1:${server.port}/echo?bytes=${bytes}`,
        bytes,
        trips: TRIPS,
      });
      const at = (times: readonly number[], share: number) =>
        Number(quantile(times, share).toFixed(4));
      const [nativeMs, tcpMs] = [at(native, 0.5), at(tcp, 0.5)];
      figures[`at${bytes}`] = { nativeMs, tcpMs, ratio: Number((tcpMs / nativeMs).toFixed(3)) };
      detail[`at${bytes}`] = { nativeP99: at(native, 0.99), tcpP99: at(tcp, 0.99) };
    } finally {
      await client.end();
    }
  }
  return { figures, detail };
}
