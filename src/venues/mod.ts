/**
 * Presets for some venues: what their documents and users say, as readonly data with source and date per value, in the words of this
 * library. The core knows none of it.
 *
 * They are a start, not a promise: venues change, and none of the values was tried against the live venue. Read the `why` of a value
 * before you change it.
 *
 * @example
 * ```ts
 * import { open } from "@holdfast/ws";
 * import { presetOptions, PRESETS } from "@holdfast/ws/venues";
 *
 * const preset = PRESETS["kraken-v2"];
 * const options = presetOptions(preset, { onSession: (session) => session.send('{"method":"subscribe"}') });
 * console.log(preset.staleAfterMs.value, preset.attemptBudget.source.date); // 10000 2026-05-27
 * console.log(typeof open, options.connectTimeoutMs); // function 10000
 * ```
 *
 * @module
 */
import { binanceStreams, binanceWsApi } from "./binance.ts";
import { bybitV5 } from "./bybit.ts";
import { coinbaseMarket, coinbaseUser } from "./coinbase.ts";
import { ibkrGateway, ibkrOauth } from "./ibkr.ts";
import { krakenV2 } from "./kraken.ts";
import { okxV5 } from "./okx.ts";
import type { Preset } from "./preset.ts";

export { binanceStreams, binanceWsApi, classifyBinance } from "./binance.ts";
export { bybitV5, classifyBybit } from "./bybit.ts";
export { classifyCoinbase, coinbaseMarket, coinbaseUser } from "./coinbase.ts";
export { classifyIbkr, ibkrGateway, ibkrOauth } from "./ibkr.ts";
export { classifyKraken, krakenV2 } from "./kraken.ts";
export { classifyOkx, okxRequests, okxV5 } from "./okx.ts";
export { type Preset, type PresetChanges, presetOptions, type ProbeText } from "./preset.ts";
export type { SendAllowance } from "./preset.ts";
export type { Source, Sourced } from "./sources.ts";
export { classifyBy, type FailureRule } from "./verdicts.ts";

/** The names of the presets. */
export type PresetName =
  | "ibkr-gateway"
  | "ibkr-oauth"
  | "binance-streams"
  | "binance-wsapi"
  | "coinbase-market"
  | "coinbase-user"
  | "kraken-v2"
  | "bybit-v5"
  | "okx-v5";

/** Every preset by its name. */
export const PRESETS: Readonly<Record<PresetName, Preset>> = Object.freeze({
  "ibkr-gateway": ibkrGateway,
  "ibkr-oauth": ibkrOauth,
  "binance-streams": binanceStreams,
  "binance-wsapi": binanceWsApi,
  "coinbase-market": coinbaseMarket,
  "coinbase-user": coinbaseUser,
  "kraken-v2": krakenV2,
  "bybit-v5": bybitV5,
  "okx-v5": okxV5,
});
