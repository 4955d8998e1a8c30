/**
 * The own leaf of the server runtime that runs this file, told to trust the test CA.
 *
 * @module
 */
import type { WsConnector } from "../../src/contract/connector.ts";
import { platform } from "../support/harness.ts";
import { CA_CERTIFICATE } from "../support/tls/certificates.ts";

/** A leaf that trusts the test CA. */
export interface NativeLeaf {
  readonly connector: WsConnector;
  readonly trusts: true;
}

interface DenoHost {
  readonly Deno: {
    createHttpClient(options: { caCerts: readonly string[]; http2: boolean }): object;
  };
}

interface NodeTls {
  getCACertificates(): string[];
  setDefaultCACertificates(certificates: readonly string[]): void;
}

/** Makes it. */
export async function nativeLeaf(): Promise<NativeLeaf> {
  switch (platform) {
    case "deno": {
      const { deno } = await import("../../src/runtime/deno.ts");
      const host = globalThis as unknown as DenoHost;
      const client = host.Deno.createHttpClient({ caCerts: [CA_CERTIFICATE], http2: false });
      return { connector: deno({ client }).connector, trusts: true };
    }
    case "node": {
      const { node } = await import("../../src/runtime/node.ts");
      const module = "node:tls"; // not a literal: bundlers leave it alone
      const tls = await import(module) as NodeTls;
      tls.setDefaultCACertificates([...tls.getCACertificates(), CA_CERTIFICATE]);
      return { connector: node().connector, trusts: true };
    }
    case "bun": {
      const { bun } = await import("../../src/runtime/bun.ts");
      return { connector: bun({ tls: { ca: CA_CERTIFICATE } }).connector, trusts: true };
    }
    default:
      throw new Error(`No own leaf of ${platform} here: web_test.ts is for it`);
  }
}
