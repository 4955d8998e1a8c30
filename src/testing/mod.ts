/**
 * The test kit: how to test what you build on Holdfast without sockets and without waiting.
 *
 * @module
 */
export {
  type CaseNeed,
  type CaseOutcome,
  ConformanceError,
  CONNECTOR_CASES,
  type ConnectorCase,
  type ConnectorSubject,
  type Deviation,
  knownDeviation,
  missingNeed,
  runConnectorCase,
} from "./conformance.ts";
export { FaultyLink, type HalfOpenDirection, type LinkConditions } from "./faulty_link.ts";
export { ManualClock } from "./manual_clock.ts";
export { MockConnector, type MockConnectorOptions, type MockDial } from "./mock_connector.ts";
export { type MockRuntime, mockRuntime, type MockRuntimeOptions } from "./mock_runtime.ts";
export { MockSpawn, type MockSpawnOptions } from "./mock_spawn.ts";
export { seededRandom } from "./seeded_random.ts";
export type { WsConnector } from "../contract/connector.ts";
export type { Clock } from "../contract/runtime.ts";
