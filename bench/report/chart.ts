/**
 * The chart: receiving 200-byte text, one panel per runtime, the bare native listener = 1. Ours and the others differ by more than colour: ours
 * have a solid fill and a bold name.
 *
 * @module
 */
import type { HostName } from "../client/host.ts";
import type { Figures, Results } from "../results.ts";
import { flattened } from "./table.ts";

const ROW = 22;
const LEFT = 150;
const WIDTH = 300;
const PANEL = LEFT + WIDTH + 60;
const TOP = 58;

/** What the chart shows, from top to bottom. */
const ROWS: readonly { readonly path: string; readonly name: string; readonly own: boolean }[] = [
  { path: "tcp.batches", name: "holdfast tcp, batches", own: true },
  { path: "tcp.forAwait", name: "holdfast tcp, for await", own: true },
  { path: "batches", name: "holdfast, batches", own: true },
  { path: "forAwait", name: "holdfast, for await", own: true },
  { path: "native", name: "bare listener", own: false },
  { path: "nativeReadable", name: "bare, ReadableStream", own: false },
  { path: "twoTransforms", name: "two TransformStreams", own: false },
  { path: "rews", name: "@nktkas/rews", own: false },
  { path: "partysocket", name: "partysocket", own: false },
  { path: "atproto", name: "@atproto/ws-client", own: false },
  { path: "effect", name: "effect Socket", own: false },
  { path: "ws", name: "ws", own: false },
];

/** Draws it. */
export function chart(results: Results): string {
  const runtimes = Object.keys(results.receive ?? {}) as HostName[];
  const width = PANEL * runtimes.length + 20;
  const height = TOP + ROWS.length * ROW + 30;
  const panels = runtimes.map((runtime, i) =>
    panel(runtime, results.receive![runtime]!, {
      x: 10 + i * PANEL,
      version: results.versions[runtime] ?? "",
    })
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="12" role="img" aria-labelledby="title">
<title id="title">Frames of 200 bytes received per second, the bare native listener = 1</title>
<style>
text { fill: #1f2328 } .axis { stroke: #8b949e; stroke-dasharray: 3 3 }
.own { fill: #0a7d52 } .other { fill: #b9c0c8 } .name { font-weight: 600 }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .own { fill: #2fbf86 } .other { fill: #6e7681 } }
</style>
<text x="10" y="20" font-size="14" class="name">Received frames per second, 200 bytes of text: bare native listener = 1</text>
${panels.join("\n")}
</svg>
`;
}

function panel(
  runtime: HostName,
  figures: Figures,
  { x, version }: { x: number; version: string },
): string {
  const flat = flattened(figures);
  const most = Math.max(1, ...ROWS.map(({ path }) => flat.get(path) ?? 0));
  const scale = (value: number) => Math.round(value / most * WIDTH * 10) / 10;
  const bars = ROWS.map(({ path, name, own }, row) => {
    const value = flat.get(path);
    const y = TOP + row * ROW;
    const label = `<text x="${x + LEFT - 8}" y="${y + 14}" text-anchor="end"${
      own ? ' class="name"' : ""
    }>${name}</text>`;
    if (typeof value !== "number") return label;
    return `${label}<rect class="${own ? "own" : "other"}" x="${x + LEFT}" y="${y + 3}" width="${
      scale(value)
    }" height="${ROW - 7}" rx="2"/><text x="${x + LEFT + scale(value) + 5}" y="${y + 14}">${
      value.toFixed(2)
    }</text>`;
  });
  const one = x + LEFT + scale(1);
  return `<text x="${x + LEFT}" y="44" class="name">${runtime} ${version}</text>
${bars.join("\n")}
<line class="axis" x1="${one}" x2="${one}" y1="${TOP - 6}" y2="${TOP + ROWS.length * ROW}"/>`;
}
