/**
 * From what the command line says to what a connection is told.
 *
 * @module
 */
import {
  type ConnectionOptions,
  type LivenessOptions,
  sendRateLimit,
  type SessionStart,
  type Tracer,
} from "../../mod.ts";
import { type Preset, presetOptions, PRESETS } from "../venues/mod.ts";
import type { CliFlags } from "./flags.ts";

/** The flag's words for an option that a check names. */
const FLAG_OF: Readonly<Record<string, string>> = {
  "liveness.staleAfterMs": "--stale-after",
  "buffer.maxFrames": "--max-frames",
  maxAttempts: "--max-attempts",
};

/** A message of the library, in words of the command line. */
export function inFlags(message: string): string {
  const text = message.replace(/^Cannot connect: url /, "The URL ")
    .replace(
      "is not an absolute URL",
      "is not absolute, or not valid: wss://host:443/path, for example",
    );
  return Object.entries(FLAG_OF).reduce((text, [path, flag]) => text.replaceAll(path, flag), text);
}

/** Stale after so long, dead after twice that, and a preset's probe early enough to come before. */
function livenessOf(staleAfterMs: number, preset: LivenessOptions | undefined): LivenessOptions {
  const probe = preset?.probe;
  return {
    staleAfterMs,
    deadAfterMs: staleAfterMs * 2,
    ...probe && { probe: { ...probe, afterMs: Math.min(probe.afterMs, staleAfterMs / 2) } },
  };
}

/** What the connection is told. */
export function connectionOptions(flags: CliFlags, tracer: Tracer): ConnectionOptions {
  const { headers, protocols, preset, send, staleAfterMs, rate, maxFrames, maxAttempts } = flags;
  const base = preset === undefined ? {} : presetOptions(PRESETS[preset]);
  return {
    ...base,
    tracer,
    protocols,
    headers: headers.map(([name, value]) => [name, value] as [string, string]),
    ...send.length > 0 && { onSession: (session: SessionStart) => sendAll(session, send) },
    ...staleAfterMs !== undefined && { liveness: livenessOf(staleAfterMs, base.liveness) },
    ...rate && { sendRateLimit: sendRateLimit(rate) },
    ...maxFrames !== undefined && { buffer: { ...base.buffer, maxFrames } },
    ...maxAttempts !== undefined && { maxAttempts },
  };
}

/** Where to, without a URL on the command line. */
export function urlOf({ url, preset }: CliFlags): string {
  if (url !== undefined) return url;
  const found: Preset | undefined = preset && PRESETS[preset];
  return found?.urls[0]?.value ?? "";
}

async function sendAll(session: SessionStart, texts: readonly string[]): Promise<void> {
  for (const text of texts) await session.send(text);
}
