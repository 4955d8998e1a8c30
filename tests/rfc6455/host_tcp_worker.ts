// A worker file that hosts the leaf over TCP, told to trust the test CA.
import { hostSocket } from "../../src/worker/host.ts";
import { CA_CERTIFICATE } from "../support/tls/certificates.ts";
import { hostTcp } from "./host_tcp.ts";

const tcp = await hostTcp();
hostSocket({ connector: tcp({ tls: { ca: CA_CERTIFICATE }, maxMessageBytes: 4_194_304 }) });
