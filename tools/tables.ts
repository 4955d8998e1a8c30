/**
 * The tables of docs/runtimes.md, printed from what they are about: the conformance list, its deviations, and what each leaf says that it can.
 *
 * ```sh
 * deno run --allow-env tools/tables.ts
 * ```
 *
 * tests/tools/docs_test.ts compares the page with what is printed, so that it cannot drift.
 *
 * @module
 */
import type { Capabilities, WsConnector } from "../src/contract/connector.ts";
import { bun } from "../src/runtime/bun.ts";
import { deno, tcp } from "../src/runtime/deno.ts";
import { node } from "../src/runtime/node.ts";
import { tcpOver } from "../src/runtime/tcp_stream.ts";
import { web } from "../src/runtime/web.ts";
import { workerd } from "../src/runtime/workerd.ts";
import { ws } from "../src/runtime/ws.ts";
import {
  CONNECTOR_CASES,
  type ConnectorCase,
  type Deviation,
  knownDeviation,
  missingNeed,
} from "../src/testing/conformance.ts";
import { workerConnector } from "../src/worker/mod.ts";

/** Cells of a table, the head first. */
export type Table = readonly (readonly string[])[];

/** A leaf is asked what it can, and never told to dial. */
const never = (): never => {
  throw new Error("Cannot dial: this is a table");
};

/** Every leaf by the subpath that it comes from. */
const LEAVES: readonly (readonly [string, WsConnector])[] = [
  ["`./web`", web().connector],
  ["`./deno`", deno().connector],
  ["`./node`", node().connector],
  ["`./bun`", bun().connector],
  ["`./workerd`", workerd().connector],
  ["`./ws`", ws(never as never)],
  ["`tcp()`", tcp()],
  ["`./tcp`", tcpOver(never)],
  ["`./worker`", workerConnector(never)],
];

function shown(value: Capabilities[keyof Capabilities]): string {
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "number" && value >= 1_048_576) return `${value / 1_048_576} MiB`;
  return String(value);
}

/** What each leaf says that it can honour, with its defaults. */
export function capabilityTable(): Table {
  const names = Object.keys(web().connector.capabilities) as (keyof Capabilities)[];
  return [
    ["leaf", ...names.map((name) => `\`${name}\``)],
    ...LEAVES.map(([leaf, { capabilities }]) => [
      leaf,
      ...names.map((name) => shown(capabilities[name])),
    ]),
  ];
}

/** One column of the matrix: where a suite runs the list, and on which leaf. */
interface Column {
  readonly title: string;
  readonly platform: string;
  readonly connector: WsConnector;
  /** Whether the suite has a certificate that the leaf trusts. */
  readonly trusts: boolean;
}

const [browser, wsLeaf] = [web().connector, ws(never as never)];
const worker = workerConnector(never);

const COLUMNS: readonly Column[] = [
  { title: "deno", platform: "deno", connector: deno().connector, trusts: true },
  { title: "node", platform: "node", connector: node().connector, trusts: true },
  { title: "bun", platform: "bun", connector: bun().connector, trusts: true },
  { title: "workerd", platform: "workerd", connector: workerd().connector, trusts: false },
  { title: "chromium", platform: "chromium", connector: browser, trusts: false },
  { title: "firefox", platform: "firefox", connector: browser, trusts: false },
  { title: "ws", platform: "ws on node", connector: wsLeaf, trusts: true },
  { title: "tcp", platform: "tcp", connector: tcp(), trusts: true },
  {
    title: "worker, chromium",
    platform: "worker on chromium",
    connector: worker,
    trusts: false,
  },
  { title: "worker, firefox", platform: "worker on firefox", connector: worker, trusts: false },
];

/** The matrix, and the deviations that its numbers stand for. */
export interface Matrix {
  readonly table: Table;
  readonly notes: readonly Deviation[];
}

/** Every demand of the conformance list on every leaf. */
export function conformanceMatrix(): Matrix {
  const notes: Deviation[] = [];
  const noteOf = (deviation: Deviation): number => {
    const same = ({ reason, link }: Deviation) =>
      reason === deviation.reason && link === deviation.link;
    const at = notes.findIndex(same);
    return at >= 0 ? at + 1 : notes.push(deviation);
  };
  const cell = (connectorCase: ConnectorCase, column: Column): string => {
    const server = { ws: "", http: "", ...column.trusts ? { wss: "" } : {} };
    const clock = {} as never; // asked for its presence only
    const subject = { platform: column.platform, connector: column.connector, server, clock };
    const missing = missingNeed(connectorCase, subject);
    if (missing !== undefined) return missing.endsWith("wss") ? "untried" : "n/a";
    const deviation = knownDeviation(connectorCase, subject);
    return deviation === undefined ? "yes" : `no (${noteOf(deviation)})`;
  };
  const table = [
    ["demand", ...COLUMNS.map(({ title }) => title)],
    ...CONNECTOR_CASES.map((connectorCase) => [
      connectorCase.name.replaceAll("|", "\\|"),
      ...COLUMNS.map((column) => cell(connectorCase, column)),
    ]),
  ];
  return { table, notes };
}

/** A table in Markdown; its columns are aligned by the formatter. */
export function markdown(table: Table): string {
  const [head = [], ...rows] = table;
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

/** What a link leads to. */
function titleOf(link: string): string {
  const thread = /^https:\/\/github\.com\/(.+?)\/(?:issues|pull)\/(\d+)$/.exec(link);
  if (thread !== null) return `${thread[1]}#${thread[2]}`;
  const section = /rfc(\d+)#section-(.+)$/.exec(link);
  if (section !== null) return `RFC ${section[1]}, section ${section[2]}`;
  return `source: ${link.slice(link.lastIndexOf("/") + 1)}`;
}

/** Deviations as a numbered list. */
export function noteList(notes: readonly Deviation[]): string {
  return notes.map(({ reason, link }, at) => `${at + 1}. ${reason} ([${titleOf(link)}](${link}))`)
    .join("\n");
}

if (import.meta.main) {
  const { table, notes } = conformanceMatrix();
  console.log([markdown(capabilityTable()), markdown(table), noteList(notes)].join("\n\n"));
}
