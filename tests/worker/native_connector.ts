/**
 * The own leaf of the server runtime that runs this file, told to trust the test CA. It names no test framework, so that a worker can load it.
 *
 * @module
 */
import type { WsConnector } from "../../src/contract/connector.ts";
import { CA_CERTIFICATE } from "../support/tls/certificates.ts";

interface Host {
  readonly Deno?: {
    createHttpClient(options: { caCerts: readonly string[]; http2: boolean }): object;
  };
  readonly Bun?: unknown;
}

interface NodeTls {
  getCACertificates(): string[];
  setDefaultCACertificates(certificates: readonly string[]): void;
}

const host = globalThis as unknown as Host;

/** Makes it. */
export async function nativeConnector(): Promise<WsConnector> {
  if (host.Deno !== undefined) {
    const { deno } = await import("../../src/runtime/deno.ts");
    const client = host.Deno.createHttpClient({ caCerts: [CA_CERTIFICATE], http2: false });
    return deno({ client }).connector;
  }
  if (host.Bun !== undefined) {
    const { bun } = await import("../../src/runtime/bun.ts");
    return bun({ tls: { ca: CA_CERTIFICATE } }).connector;
  }
  const { node } = await import("../../src/runtime/node.ts");
  const module = "node:tls"; // not a literal: bundlers leave it alone
  const tls = await import(module) as NodeTls;
  tls.setDefaultCACertificates([...tls.getCACertificates(), CA_CERTIFICATE]);
  return node().connector;
}
