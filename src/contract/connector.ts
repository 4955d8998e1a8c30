/**
 * The composition seam: connectors, what leaves and dial layers implement.
 *
 * @module
 */
import type { WsConnection } from "./connection.ts";
import type { Handshake } from "./handshake.ts";
import type { BufferOptions, LivenessOptions } from "./options.ts";
import type { TraceEvent } from "./trace.ts";

/** What goes with a dial. */
export interface ConnectContext {
  /** Ends the dial; for the connector that reconnects, ends the whole connection. */
  readonly signal: AbortSignal;
  /** Takes trace events; never throws, never blocks. */
  readonly trace?: (event: TraceEvent) => void;
  /**
   * For a leaf with heartbeat and buffer of its own ({@link Capabilities.recvAxis}): what the connection was told of them, defaults in place and
   * without functions. Absent for a raw session, which has no heartbeat.
   */
  readonly recvAxis?: {
    readonly liveness: LivenessOptions;
    readonly buffer: Required<BufferOptions>;
  };
}

/** Makes a `C` out of a handshake. */
export interface Connector<C> {
  /** Connects. Settles once. */
  connect(handshake: Handshake, context: ConnectContext): Promise<C>;
}

/** What a leaf can honour, as data. What it cannot honour is refused before any I/O, never ignored. */
export interface Capabilities {
  /** Whether request headers can be set. */
  readonly headers: boolean;
  /** Whether the HTTP status of a failed handshake is known: exactly, from the text of an error, or not at all. */
  readonly handshakeStatus: "exact" | "message" | "none";
  /** Whether a protocol ping can be sent. */
  readonly ping: boolean;
  /** Whether pings and pongs of the server are seen as frames. */
  readonly seePing: boolean;
  /** Whether the socket can be destroyed without a close handshake. */
  readonly terminate: boolean;
  /** Largest message received, in bytes. */
  readonly maxMessageBytes: number;
  /** Connections on the wire that one failing dial costs at worst. */
  readonly wireDials: number;
  /** Whether heartbeat and buffer run inside the leaf, so that the stack adds neither. */
  readonly recvAxis: boolean;
}

/** A connector at the bottom, or a dial layer around one. */
export interface WsConnector extends Connector<WsConnection> {
  /** What the leaf can honour. A dial layer passes it on. */
  readonly capabilities: Capabilities;
}

/** A layer around each single dial. */
export type DialLayer = (next: WsConnector) => WsConnector;

/** A layer around a connector of any kind. */
export type Layer = <C>(next: Connector<C>) => Connector<C>;
