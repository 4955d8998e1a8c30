/**
 * The chart: receiving 200-byte text, one panel per runtime, the bare native listener = 1, medians with a line from quartile to quartile. Panels are one
 * below the other and have one scale, so that a page of usual width shows text of usual size. Ours and the others differ by more than colour: ours
 * have a bold name.
 *
 * @module
 */
import type { HostName } from "../client/host.ts";
import type { Results } from "../results.ts";
import type { ReceiveFigure } from "../run/receive.ts";
import type { Spread } from "../run/statistics.ts";

const ROW = 19;
const LEFT = 205;
const BARS = 440;
const WIDTH = LEFT + BARS + 55;
const TOP = 34;
/** Above the bars of a panel, for its name. */
const HEAD = 30;

/** What the chart shows, from top to bottom: candidates of the group `text200`. */
export const ROWS: readonly {
  readonly path: string;
  readonly name: string;
  readonly own: boolean;
}[] = [
  { path: "tcp.batches", name: "holdfast tcp, batches", own: true },
  { path: "tcp.forAwait", name: "holdfast tcp, for await", own: true },
  { path: "batches", name: "holdfast, batches", own: true },
  { path: "forAwait", name: "holdfast, for await", own: true },
  { path: "native", name: "bare listener", own: false },
  { path: "nativeReadable", name: "bare, ReadableStream", own: false },
  { path: "twoTransforms", name: "two TransformStreams", own: false },
  { path: "rews", name: "@nktkas/rews", own: false },
  { path: "partysocket", name: "partysocket", own: false },
  { path: "effect", name: "effect Socket", own: false },
  { path: "ws", name: "ws", own: false },
  { path: "ws.forAwait", name: "holdfast over ws, for await", own: true },
  { path: "atproto", name: "@atproto/ws-client, over ws", own: false },
];

type Group = Readonly<Record<string, ReceiveFigure>>;

/** Draws it. */
export function chart(results: Results): string {
  const detail = results.detail["receive"] as
    | Partial<Record<HostName, Readonly<Record<string, Group>>>>
    | undefined;
  const panels = Object.entries(detail ?? {}).map(([runtime, groups]) => ({
    name: `${runtime} ${results.versions[runtime] ?? ""}`,
    group: groups["text200"] ?? {},
  }));
  const most = Math.max(
    1,
    ...panels.flatMap(({ group }) => ROWS.map(({ path }) => group[path]?.ratio.high ?? 0)),
  );
  const panelHeight = HEAD + ROWS.length * ROW + 8;
  const drawn = panels.map(({ name, group }, i) =>
    panel(name, group, {
      y: TOP + i * panelHeight,
      scale: (value) => Number((LEFT + value / most * BARS).toFixed(1)),
    })
  );
  const height = TOP + panels.length * panelHeight;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, sans-serif" font-size="12" role="img" aria-labelledby="title">
<title id="title">Frames of 200 bytes received per second, the bare native listener = 1</title>
<style>
text { fill: #1f2328 } .axis { stroke: #8b949e; stroke-dasharray: 3 3 } .spread { stroke: #1f2328 }
.own { fill: #0a7d52 } .other { fill: #b9c0c8 } .name { font-weight: 600 }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .spread { stroke: #e6edf3 } .own { fill: #2fbf86 } .other { fill: #6e7681 } }
</style>
<text x="10" y="20" font-size="14" class="name">Frames of 200 bytes received per second: bare native listener = 1</text>
${drawn.join("\n")}
</svg>
`;
}

function panel(
  name: string,
  group: Group,
  { y: top, scale }: { y: number; scale: (value: number) => number },
): string {
  const first = top + HEAD;
  const bars = ROWS.map(({ path, name, own }, row) => {
    const y = first + row * ROW;
    const label = `<text x="${LEFT - 8}" y="${y + 13}" text-anchor="end"${
      own ? ' class="name"' : ""
    }>${name}</text>`;
    const ratio = group[path]?.ratio;
    return ratio === undefined ? label : label + bar(ratio, { y, own, scale });
  });
  const one = scale(1);
  return `<text x="${LEFT}" y="${top + 18}" font-size="13" class="name">${name}</text>
<line class="axis" x1="${one}" x2="${one}" y1="${first - 4}" y2="${first + ROWS.length * ROW}"/>
${bars.join("\n")}`;
}

function bar(
  { median, low, high }: Spread,
  { y, own, scale }: { y: number; own: boolean; scale: (value: number) => number },
): string {
  const width = Number((scale(median) - LEFT).toFixed(1));
  const middle = y + 9;
  return `<rect class="${own ? "own" : "other"}" x="${LEFT}" y="${
    y + 3
  }" width="${width}" height="${ROW - 7}" rx="2"/><line class="spread" x1="${scale(low)}" x2="${
    scale(high)
  }" y1="${middle}" y2="${middle}"/><text x="${scale(Math.max(median, high)) + 5}" y="${y + 13}">${
    median.toFixed(2)
  }</text>`;
}
