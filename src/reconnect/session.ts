/**
 * One open session, and what is known of the sockets of those that were let go.
 *
 * @module
 */
import type { SessionEnd, WsConnection } from "../contract/connection.ts";
import type { TransportError } from "../contract/errors.ts";
import type { AxesSession } from "./axes.ts";

/**
 * Hears of a socket's end until it is forgotten. The platform may keep an abandoned socket for hours, and with it whatever hangs on its promise:
 * that must not be the connection with its buffer.
 */
export class EndListener {
  #told: ((end: SessionEnd) => void) | undefined;

  /** Listens from now on. */
  constructor({ closed }: WsConnection, told: (end: SessionEnd) => void) {
    this.#told = told;
    void closed.then((end) => this.#told?.(end));
  }

  /** Hears nothing any more, and holds nothing. */
  forget(): void {
    this.#told = undefined;
  }
}

/** The session that is open. */
export class Session implements AxesSession {
  readonly epoch: number;
  readonly connection: WsConnection;
  readonly firstSeq: number;
  /** Who hears of its end. */
  closing: EndListener | undefined;
  /** How it ended, once its socket said so. */
  end: SessionEnd | undefined;
  /** Whether it was found unusable; its loss is on its way, and nothing is started on it. */
  failed: boolean = false;
  #abort: AbortController | undefined;
  #error: TransportError | undefined;

  /** Makes one. */
  constructor(epoch: number, connection: WsConnection, firstSeq: number) {
    this.epoch = epoch;
    this.connection = connection;
    this.firstSeq = firstSeq;
  }

  /** Most sessions never need one, and its listeners take a kilobyte. */
  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      if (this.#error !== undefined) this.#abort.abort(this.#error);
    }
    return this.#abort.signal;
  }

  /** Aborts the signal, or the one that is asked for later. */
  abort(error: TransportError): void {
    this.#error = error;
    this.#abort?.abort(error);
  }
}

/** Counts abandoned sockets. */
export class Abandoned {
  /** Those whose end was not reported yet. */
  zombies: number = 0;

  /** Counts this one until its end. */
  add({ closed }: WsConnection): void {
    this.zombies++;
    void closed.then(() => this.zombies--);
  }
}
