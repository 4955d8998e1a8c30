/**
 * The raw server that the simulators stand on.
 *
 * @module
 */
export {
  OPCODE,
  type RawPeer,
  type RawServer,
  type RequestHead,
  startRawServer,
} from "../../tests/support/raw_server.ts";
