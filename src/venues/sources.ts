/**
 * Where the values of the presets come from. No value stands without a source and a date: venues change their rules, and a preset
 * without a date cannot be judged.
 *
 * @module
 */

/** A document, a repository or a choice of ours. */
export interface Source {
  /** What it is: a title, or a repository with its commit. */
  readonly title: string;
  /** The day of the text, or of the crawl that we read, as `YYYY-MM-DD`; `undated` where the text has none. */
  readonly date: string;
}

/** A value with its source. */
export interface Sourced<Value> {
  /** The value. */
  readonly value: Value;
  /** Where it comes from. */
  readonly source: Source;
  /** Why this value, or what to know before changing it. */
  readonly why?: string;
}

type SourceName =
  | "binanceDocs"
  | "coinbaseDocs"
  | "coinbaseEndpoints"
  | "coinbaseObserved"
  | "ibkrReference"
  | "ibkrCampus"
  | "ibind"
  | "krakenDocs"
  | "bybitDocs"
  | "okxDocs"
  | "nautilus"
  | "brokenLimits"
  | "ours";

/** Every source that a preset names. */
export const SOURCES: Readonly<Record<SourceName, Source>> = {
  binanceDocs: {
    title: "github.com/binance/binance-spot-api-docs at a5e0bc3: web-socket-streams.md, " +
      "web-socket-api.md, rest-api.md",
    date: "2026-07-21",
  },
  coinbaseDocs: {
    title: "Coinbase Advanced Trade documentation, mirror github.com/qiuham/crypto-api-docs",
    date: "2026-06-28",
  },
  coinbaseEndpoints: { title: "Coinbase page on WebSocket endpoints", date: "2026-08-29" },
  coinbaseObserved: {
    title: "Coinbase as seen on the wire: tickvault 0.1.1 on docs.rs",
    date: "2026",
  },
  ibkrReference: { title: "IBKR WebSocket reference, transcription", date: "2026-07-02" },
  ibkrCampus: { title: "IBKR Campus, page cpapi-v1", date: "undated" },
  ibind: { title: "github.com/Voyz/ibind at a3d8fe1 (v0.1.24)", date: "2026-07-25" },
  krakenDocs: {
    title: "Kraken WebSocket v2 pages, mirror github.com/qiuham/marketdata-api-doc",
    date: "2026-05-27",
  },
  bybitDocs: {
    title: "Bybit v5 pages, mirror github.com/qiuham/marketdata-api-doc at 02d1b3b47",
    date: "2026-08-22",
  },
  okxDocs: {
    title: "OKX v5 pages, mirror github.com/qiuham/marketdata-api-doc at 02d1b3b47",
    date: "2026-08-22",
  },
  nautilus: {
    title: "github.com/nautechsystems/nautilus_trader at a95c8042b0",
    date: "2026-07-02",
  },
  brokenLimits: {
    title: "Reports of breached limits: nautilus_trader issue 5012, Lean issue 5583, XChange " +
      "issue 4468",
    date: "2026-07-02",
  },
  ours: {
    title: "Our choice from the other sources; never run against the live venue",
    date: "2026-11-22",
  },
};

/** Says where a value comes from. */
export function from<Value>(source: Source, value: Value, why?: string): Sourced<Value> {
  return why === undefined ? { value, source } : { value, source, why };
}
