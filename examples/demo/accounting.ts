/**
 * The books: what the server sent, what came out of the socket, and what the reader got, per session
 * and to the last frame.
 *
 * The server numbers the data frames of a session 1, 2, ...; the connection numbers the frames of its
 * whole life (`seq`). Three witnesses must agree: the server, a recv layer next to the socket, and
 * the reader behind the buffer. Within a session `seq - n` must be constant, so a hole in `seq` that
 * is one of the server's numbers as well is a loss *at that position*; any other hole is a lie.
 *
 * @module
 */
import type { ConnectionStats } from "../../mod.ts";

/** Frames that followed each other without a hole. */
export interface Run {
  readonly epoch: number;
  /** `seq` of the first one; 0 where it is not known, as next to the socket. */
  readonly seq: number;
  /** The server's number of the first one. */
  readonly n: number;
  readonly length: number;
}

/** A session of the client, as the trace event `down` tells it. */
export interface Span {
  readonly epoch: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** How it ended, in words. */
  readonly ended: string;
  /** The close code, if it was the server that closed cleanly. */
  readonly serverClose?: number;
}

/** A session of the server. */
export interface Sent {
  readonly epoch: number;
  readonly sent: number;
  readonly close?: number;
}

/** All that is known. */
export interface Evidence {
  readonly sent: readonly Sent[];
  readonly spans: readonly Span[];
  /** Next to the socket, before the buffer. */
  readonly heard: readonly Run[];
  /** Behind the buffer. */
  readonly delivered: readonly Run[];
  readonly stats: Pick<
    ConnectionStats,
    "received" | "delivered" | "buffered" | "leafDropped" | "totalLagged" | "totalDiscarded"
  >;
}

/** One session, accounted for: `received = delivered + lagged + discarded`. */
export interface SessionAccount {
  readonly epoch: number;
  readonly sent: number;
  readonly received: number;
  readonly delivered: number;
  readonly lagged: number;
  readonly discarded: number;
  /** Sent and never received: lost on the wire, before us. */
  readonly inflight: number;
  readonly ended: string;
}

/** Sums over all sessions. */
export interface Totals {
  readonly received: number;
  readonly delivered: number;
  readonly lagged: number;
  readonly discarded: number;
  readonly inflight: number;
  readonly epochs: number;
  /** Frames that the books cannot explain. */
  readonly unexplained: number;
}

/** The books, closed. */
export interface Account {
  readonly sessions: readonly SessionAccount[];
  readonly totals: Totals;
  /** What is unexplained, in words. */
  readonly problems: readonly string[];
}

/** Collects runs, frame by frame. */
export class RunLog {
  readonly #runs: { epoch: number; seq: number; n: number; length: number }[] = [];

  /** The runs so far. */
  get runs(): readonly Run[] {
    return this.#runs;
  }

  /** Notes a frame. A frame without a number has `n` 0, which no run holds. */
  note(epoch: number, n: number, seq = 0): void {
    const last = this.#runs.at(-1);
    const follows = last !== undefined && last.epoch === epoch && n === last.n + last.length &&
      (seq === 0 || seq === last.seq + last.length);
    if (follows) last.length++;
    else this.#runs.push({ epoch, seq, n, length: 1 });
  }

  /** The last number of a session, 0 before the first. */
  lastOf(epoch: number): number {
    const run = this.#runs.findLast((other) => other.epoch === epoch);
    return run === undefined ? 0 : run.n + run.length - 1;
  }
}

/** Closes the books. */
export function account(evidence: Evidence): Account {
  const books = new Books();
  const { spans, stats } = evidence;
  books.checkSpans(spans);
  books.checkStats(evidence);
  const kept = books.deliveries(evidence.delivered, spans);
  const discards = books.discards(evidence);
  const sessions = spans.map((span): SessionAccount => {
    const received = span.lastSeq - span.firstSeq + 1;
    const delivered = kept.get(span.epoch) ?? 0;
    const discarded = discards.get(span.epoch) ?? 0;
    books.checkHeard(span, received, evidence.heard);
    const sent = books.checkSent(span, received, evidence.sent);
    return {
      epoch: span.epoch,
      sent,
      received,
      delivered,
      lagged: received - delivered - discarded,
      discarded,
      inflight: Math.max(0, sent - received),
      ended: span.ended,
    };
  });
  books.checkStrangers(evidence);
  const sum = (pick: (session: SessionAccount) => number) =>
    sessions.reduce((total, session) => total + pick(session), 0);
  const lagged = sum((session) => session.lagged);
  if (lagged !== stats.totalLagged) {
    books.note(
      lagged - stats.totalLagged,
      `${lagged} frames are missing from the sequence, but ${stats.totalLagged} count as lagged`,
    );
  }
  return {
    sessions,
    totals: {
      received: stats.received,
      delivered: stats.delivered,
      lagged: stats.totalLagged,
      discarded: stats.totalDiscarded,
      inflight: sum((session) => session.inflight),
      epochs: spans.length,
      unexplained: books.unexplained,
    },
    problems: books.problems,
  };
}

/** The checks, and what they found. */
class Books {
  readonly problems: string[] = [];
  unexplained = 0;

  /** Something does not add up, by so many frames; at least one. */
  note(frames: number, problem: string): void {
    this.unexplained += Math.max(1, Math.abs(frames));
    this.problems.push(problem);
  }

  /** Sessions follow each other without a gap in `seq` or in epochs. */
  checkSpans(spans: readonly Span[]): void {
    let seq = 0;
    spans.forEach(({ epoch, firstSeq, lastSeq }, index) => {
      if (epoch !== index + 1) this.note(1, `session ${index + 1} calls itself epoch ${epoch}`);
      if (firstSeq !== seq + 1) {
        this.note(firstSeq - seq - 1, `epoch ${epoch} begins at seq ${firstSeq}, not ${seq + 1}`);
      }
      if (lastSeq < firstSeq - 1) this.note(1, `epoch ${epoch} ends before it begins`);
      seq = lastSeq;
    });
  }

  /** Conservation, and the sums of what was seen. */
  checkStats({ stats, spans, delivered }: Evidence): void {
    const there = stats.delivered + stats.totalLagged + stats.buffered + stats.totalDiscarded;
    const balance = stats.received + stats.leafDropped - there;
    if (balance !== 0) this.note(balance, `stats() is out of balance by ${balance} frames`);
    if (stats.buffered !== 0) {
      this.note(stats.buffered, `${stats.buffered} frames are still in the buffer at the end`);
    }
    const seqs = spans.reduce((sum, { firstSeq, lastSeq }) => sum + lastSeq - firstSeq + 1, 0);
    if (seqs !== stats.received + stats.leafDropped) {
      this.note(
        seqs - stats.received,
        `the sessions hold ${seqs} frames, but ${stats.received} count as received`,
      );
    }
    const read = delivered.reduce((sum, { length }) => sum + length, 0);
    if (read !== stats.delivered) {
      this.note(
        read - stats.delivered,
        `the reader got ${read} frames, but ${stats.delivered} count as delivered`,
      );
    }
  }

  /** What the reader got is in order, in its session, and where the server's numbers say. */
  deliveries(runs: readonly Run[], spans: readonly Span[]): Map<number, number> {
    const kept = new Map<number, number>();
    let seq = 0;
    for (const run of runs) {
      const { epoch, length } = run;
      const span = spans.find((other) => other.epoch === epoch);
      const where = `epoch ${epoch}, seq ${run.seq}`;
      if (span === undefined) {
        this.note(length, `${length} frames of epoch ${epoch}, which never was`);
      } else if (run.seq <= seq) {
        this.note(length, `${where}: delivered again, or out of order (${seq} was before)`);
      } else if (run.seq < span.firstSeq || run.seq + length - 1 > span.lastSeq) {
        this.note(length, `${where}: outside of its session`);
      } else if (run.n !== run.seq - span.firstSeq + 1) {
        const expected = run.seq - span.firstSeq + 1;
        this.note(
          run.n - expected,
          `${where}: holds the server's frame ${run.n}, not ${expected}; the holes do not match`,
        );
      }
      seq = Math.max(seq, run.seq + length - 1);
      kept.set(epoch, (kept.get(epoch) ?? 0) + length);
    }
    return kept;
  }

  /** Discarded is only what came last: behind the last frame that was delivered. */
  discards({ stats, spans, delivered }: Evidence): Map<number, number> {
    const shares = new Map<number, number>();
    const last = delivered.at(-1);
    const lastRead = last === undefined ? 0 : last.seq + last.length - 1;
    let left = stats.totalDiscarded;
    for (const { epoch, firstSeq, lastSeq } of [...spans].reverse()) {
      const behind = Math.max(0, lastSeq - Math.max(lastRead, firstSeq - 1));
      const share = Math.min(left, behind);
      if (share > 0) shares.set(epoch, share);
      left -= share;
    }
    if (left > 0) {
      this.note(left, `${left} frames count as discarded, but frames behind them were delivered`);
    }
    return shares;
  }

  /** Next to the socket the numbers are 1 to k, each once. */
  checkHeard({ epoch }: Span, received: number, heard: readonly Run[]): void {
    let expected = 1;
    for (const run of heard.filter((other) => other.epoch === epoch)) {
      if (run.n > expected) {
        this.note(
          run.n - expected,
          `epoch ${epoch}: the server's frames ${expected} to ${run.n - 1} never came`,
        );
      } else if (run.n < expected) {
        this.note(run.length, `epoch ${epoch}: frame ${run.n} came again or unnumbered`);
      }
      expected = Math.max(expected, run.n + run.length);
    }
    if (expected - 1 !== received) {
      this.note(
        expected - 1 - received,
        `epoch ${epoch}: ${expected - 1} frames next to the socket, ${received} in the buffer`,
      );
    }
  }

  /** No more was received than sent; and all of it, where the server closed cleanly. */
  checkSent({ epoch, serverClose }: Span, received: number, all: readonly Sent[]): number {
    const reports = all.filter((report) => report.epoch === epoch);
    const [report] = reports;
    if (report === undefined) {
      // A session that was lost before it had subscribed was sent nothing.
      if (received > 0) this.note(received, `epoch ${epoch}: the server knows no such session`);
      return 0;
    }
    if (reports.length > 1) {
      this.note(1, `epoch ${epoch}: the server had ${reports.length} sessions of that name`);
    }
    const { sent, close } = report;
    if (received > sent) {
      this.note(received - sent, `epoch ${epoch}: ${received} received, but only ${sent} sent`);
    } else if (received < sent && serverClose !== undefined && serverClose === close) {
      this.note(
        sent - received,
        `epoch ${epoch}: ${received} received of ${sent}, although the server closed cleanly`,
      );
    }
    return sent;
  }

  /** Sessions of the server, and frames next to the socket, that the client does not know. */
  checkStrangers({ sent, heard, spans }: Evidence): void {
    const known = new Set(spans.map(({ epoch }) => epoch));
    for (const { epoch, sent: frames } of sent) {
      if (!known.has(epoch) && frames > 0) {
        this.note(frames, `the server sent ${frames} frames to epoch ${epoch}, which never was`);
      }
    }
    for (const { epoch, length } of heard) {
      if (!known.has(epoch)) this.note(length, `${length} frames came in epoch ${epoch}`);
    }
  }
}
