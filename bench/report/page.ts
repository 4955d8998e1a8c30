/**
 * The page of the documentation, made of a file of figures.
 *
 * @module
 */
import type { HostName } from "../client/host.ts";
import type { Results } from "../results.ts";
import { PEERS, type ReceiveFigure } from "../run/receive.ts";
import { type Spread, standing } from "../run/statistics.ts";
import type { Fault } from "../server/faults.ts";
import { verdicts } from "./floors.ts";
import { NOTES } from "./notes.ts";
import { flattened } from "./table.ts";

type ReceiveDetail = Partial<Record<HostName, Record<string, Record<string, ReceiveFigure>>>>;

/** Makes it. */
export function page(results: Results): string {
  const { machine, versions, rounds } = results;
  const parts = [
    "# Benchmarks",
    "<!-- Made by `npm run bench -- --report docs/benchmarks.json`; change bench/report/ instead. -->",
    NOTES.introduction,
    "![Frames received per second, per runtime](benchmarks.svg)",
    `Measured ${daysOf(results)} on ${machine.cpu}, ${machine.cores} cores, ${
      Math.round(machine.memoryBytes / 2 ** 30)
    } GiB, ${machine.os}; load average at the beginning ${loadOf(results)}. ${
      rounds - 1
    } rounds, in three processes of each candidate, after one of each that was discarded. ${
      Object.entries(versions).map(([name, version]) => `${name} ${version}`).join(", ")
    }.`,
    ...receiveTables(results),
    ...sectionTables(results),
    ...recoveryTable(results),
    "## Against what was asked for",
    floorTable(results),
    NOTES.gaps,
    NOTES.method,
  ];
  return `${parts.join("\n\n")}\n`;
}

/** The days, and what was measured on another than the first. */
function daysOf({ date, measured }: Results): string {
  const parts = Object.entries(measured ?? {}).flatMap(([section, runtimes]) =>
    Object.entries(runtimes).map(([runtime, { date }]) => ({
      name: `${section} on ${runtime}`,
      day: date.slice(0, 10),
    }))
  );
  const [first = date.slice(0, 10), ...later] = [...new Set(parts.map(({ day }) => day))].sort();
  const laterParts = later.map((day) =>
    `, ${day} (${parts.filter((part) => part.day === day).map(({ name }) => name).join(", ")})`
  );
  return first + laterParts.join("");
}

/** From the least to the most, where parts have their own. */
function loadOf({ machine, measured }: Results): string {
  const loads = Object.values(measured ?? {}).flatMap((runtimes) =>
    Object.values(runtimes).map(({ load }) => load)
  );
  const ends = loads.length === 0 ? [machine.load] : [Math.min(...loads), Math.max(...loads)];
  return [...new Set(ends.map((load) => load.toFixed(1)))].join(" to ");
}

const GROUPS: readonly { readonly name: string; readonly title: string }[] = [
  { name: "text200", title: "200 bytes of text" },
  { name: "text1400", title: "1,400 bytes of text" },
  { name: "binary64k", title: "64 KiB of bytes" },
  { name: "text64k", title: "64 KiB of text" },
  { name: "depth", title: "JSON depth differences, parsed by the consumer" },
  { name: "wss200", title: "200 bytes of text over TLS" },
];

function receiveTables(results: Results): string[] {
  const detail = results.detail["receive"] as ReceiveDetail | undefined;
  if (detail === undefined) return [];
  const runtimes = Object.keys(detail) as HostName[];
  const parts = ["## Receiving", NOTES.receive];
  for (const { name, title } of GROUPS) {
    const candidates = [
      ...new Set(runtimes.flatMap((runtime) => Object.keys(detail[runtime]![name] ?? {}))),
    ];
    if (candidates.length === 0) continue;
    const rows = candidates.map((candidate) => [
      `\`${candidate}\``,
      ...runtimes.map((runtime) => cell(detail[runtime]![name]?.[candidate])),
    ]);
    parts.push(
      `### ${title[0]!.toUpperCase()}${title.slice(1)}`,
      markdown(["", ...runtimes], rows),
    );
  }
  parts.push("### Ours by each peer", NOTES.peers, peerTable(detail, runtimes));
  const text200 = runtimes.flatMap((runtime) =>
    Object.entries(detail[runtime]!["text200"] ?? {}).map(([candidate, figure]) => ({
      runtime,
      candidate,
      figure,
    }))
  );
  parts.push(
    "### What became of every frame, and the most memory that the process had",
    markdown(
      [
        "runtime",
        "candidate",
        "frames/s",
        "sent",
        "delivered",
        "counted drops",
        "lost silently",
        "peak MiB",
      ],
      text200.map(({ runtime, candidate, figure }) => [
        runtime,
        `\`${candidate}\``,
        ...[
          figure.framesPerSecond,
          figure.sent,
          figure.delivered,
          figure.dropped,
          figure.silentlyLost,
          Math.round(figure.peakRss / 2 ** 20),
        ].map((value) => value.toLocaleString("en")),
      ]),
    ),
  );
  return parts;
}

function cell(figure: ReceiveFigure | undefined): string {
  return figure === undefined ? "" : withQuartiles(figure.ratio);
}

function withQuartiles({ median, low, high }: Spread): string {
  return `${shownRatio(median)} (${shownRatio(low)} to ${shownRatio(high)})`;
}

function shownRatio(ratio: number): string {
  return ratio.toFixed(ratio < 10 ? 2 : 1);
}

function peerTable(detail: ReceiveDetail, runtimes: readonly HostName[]): string {
  const rows = GROUPS.flatMap(({ name: group, title }) =>
    Object.entries(PEERS).map(([peer, { form, ours }]) => {
      const cells = runtimes.map((runtime) => {
        const behind = detail[runtime]![group]?.[peer]?.behind;
        if (behind === undefined) return "";
        const where = standing(behind);
        return `${withQuartiles(behind)}${where === "ahead" ? "" : ` **${where}**`}`;
      });
      return [title, `\`${peer}\` (${form})`, `\`${ours}\``, ...cells];
    }).filter(([, , , ...cells]) => cells.some((text) => text !== ""))
  );
  return markdown(["feed", "peer", "ours", ...runtimes], rows);
}

function recoveryTable(results: Results): string[] {
  const { recovery } = results;
  if (recovery === undefined) return [];
  const runtimes = Object.keys(recovery) as HostName[];
  const faults = [...new Set(runtimes.flatMap((runtime) => Object.keys(recovery[runtime]!)))];
  const cells = faults.flatMap((fault) =>
    runtimes.map((runtime) => ({
      fault,
      runtime,
      times: recovery[runtime]![fault] as Readonly<Record<string, number | null>>,
    }))
  );
  const clients = [...new Set(cells.flatMap(({ times }) => Object.keys(times)))];
  return [
    "## Coming back from a fault",
    NOTES.recovery,
    markdown(
      ["fault", "runtime", ...clients.map((name) => `\`${name}\``)],
      cells.map(({ fault, runtime, times }) => [
        FAULT_NAMES[fault as Fault],
        runtime,
        ...clients.map((name) => shown(times[name])),
      ]),
    ),
  ];
}

const FAULT_NAMES: Readonly<Record<Fault, string>> = {
  kill: "connection reset",
  halfOpen: "peer half open",
  hungUpgrade: "upgrade not answered",
  hungAuth: "URL function hangs",
  status401: "status 401",
};

const SECTIONS = [
  { name: "send", title: "Sending" },
  { name: "echo", title: "Round trips of the tcp leaf" },
  { name: "latency", title: "Latency" },
  { name: "overload", title: "A consumer ten times too slow" },
  { name: "reconnect", title: "Reconnecting" },
  { name: "footprint", title: "Footprint" },
] as const;

function sectionTables(results: Results): string[] {
  const parts: string[] = [];
  for (const { name, title } of SECTIONS) {
    const tree = results[name];
    if (tree === undefined) continue;
    const runtimes = Object.keys(tree) as HostName[];
    const flat = runtimes.map((runtime) => flattened(tree[runtime]!));
    const rows = [...new Set(flat.flatMap((figures) => [...figures.keys()]))].map((path) => [
      `\`${path}\``,
      ...flat.map((figures, i) => {
        const spread = name === "send" ? sendSpread(results, runtimes[i]!, path) : undefined;
        return spread === undefined ? shown(figures.get(path)) : withQuartiles(spread);
      }),
    ]);
    parts.push(`## ${title}`, NOTES[name], markdown(["", ...runtimes], rows));
  }
  return parts;
}

/** How the names of `send` in the figures are called in the detail, where they differ. */
const TCP_SENDS: Readonly<Record<string, string>> = {
  tcp: "tcp.burst",
  tcpWindowed: "tcp.windowed",
  tcpAwaitEach: "tcp.awaitEach",
};

function sendSpread(results: Results, runtime: HostName, path: string): Spread | undefined {
  const detail = results.detail["send"]?.[runtime] as
    | { ratios?: Readonly<Record<string, Spread>> }
    | undefined;
  return detail?.ratios?.[TCP_SENDS[path] ?? path];
}

function floorTable(results: Results): string {
  return markdown(
    ["figure", "runtime", "bound", "measured", ""],
    verdicts(results).map(({ floor, runtime, value, bound, met }) => [
      `\`${floor.section}.${floor.path}\``,
      runtime,
      `${floor.sense} ${shown(bound)}`,
      shown(value),
      met ? "met" : "**not met**",
    ]),
  );
}

function shown(value: number | null | undefined): string {
  if (value === undefined) return "";
  if (value === null) return "never";
  if (Number.isInteger(value)) return value.toLocaleString("en");
  return value.toFixed(Math.abs(value) < 10 ? 2 : 1);
}

/** A table as the formatter of the repository leaves it. */
export function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((name, column) =>
    Math.max(3, name.length, ...rows.map((row) => row[column]?.length ?? 0))
  );
  const line = (cells: readonly string[]) =>
    `| ${widths.map((width, i) => (cells[i] ?? "").padEnd(width)).join(" | ")} |`;
  const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`;
  return [line(head), rule, ...rows.map(line)].join("\n");
}
