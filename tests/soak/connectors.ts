/**
 * The connectors of the soak test's leaves.
 *
 * @module
 */
import type { ConnectionOptions } from "../../mod.ts";
import type { WsConnector } from "../../src/contract/connector.ts";
import { workerConnector } from "../../src/worker/mod.ts";
import { NATIVE, platformTcp } from "../faults/leaves.ts";
import { CA_CERTIFICATE } from "../support/tls/certificates.ts";
import { workerOf } from "../worker/make_worker.ts";
import type { SoakLeaf } from "./leaves.ts";

/** A leaf, and what its connections are told on top. */
export interface Soaked {
  readonly connector: WsConnector;
  readonly options: ConnectionOptions;
  /** Which actors play. @default {all of them} */
  readonly actors?: readonly string[];
}

/** Makes the connector of a leaf. */
export function soaked(leaf: SoakLeaf): Soaked {
  switch (leaf) {
    case "native":
      return { connector: NATIVE.connector, options: {} };
    case "tcp":
      return { connector: platformTcp(), options: {} };
    case "tcp-tls":
      return { connector: platformTcp({ tls: { ca: CA_CERTIFICATE } }), options: {} };
    case "tcp-worker": {
      const options = { tls: { ca: CA_CERTIFICATE }, maxMessageBytes: 4_194_304 };
      const { capabilities } = platformTcp(options);
      const makeWorker = workerOf("../rfc6455/host_tcp_worker.ts");
      // Each dial starts a worker, which costs a core for a while: more at a time, and none would get through.
      return {
        connector: workerConnector(makeWorker, { capabilities }),
        options: {
          connectTimeoutMs: 10_000,
          backoff: { minDelayMs: 300, maxDelayMs: 1_000, stableAfterMs: 500 },
        },
        actors: ["steady", "dawdling", "restarting", "sending"],
      };
    }
    default:
      return leaf satisfies never;
  }
}
