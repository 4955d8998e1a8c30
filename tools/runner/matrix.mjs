// The conformance matrix of one run: every case, leaf and platform, from what the suites reported.

/** How run_cases.ts calls its tests. */
const NAME = /^(.+?) leaf: (.+?)(?: \(deviates: (.*)\))?(?: \(skipped: (.*)\))?$/s;

/** tests/rfc6455/tcp_{conformance,worker}_test.ts run the same list, and allow no deviation. */
const TCP = /^tcp\(\)( in a worker)?: (.+)$/s;

/** The platforms in the order of the matrix, and which leaf each calls its own. */
const PLATFORMS = ["deno", "node22", "node24", "node26", "bun", "workerd", "chromium", "firefox"];
const OWN = /^(deno|node|bun|workerd)$/;
const TCP_IN_WORKER = "worker around tcp";
const LEAVES = ["native", "web", "tcp", "ws", "worker around native", TCP_IN_WORKER, "worker"];

/**
 * How a test ended, by its name.
 *
 * @typedef {object} Result
 * @property {string} name
 * @property {"passed" | "failed" | "skipped"} outcome
 */

/**
 * @typedef {object} Cell
 * @property {"passed" | "deviates" | "failed" | "lacks" | "untried"} kind `lacks`: the leaf has no
 * means for the case; `untried`: the suite has none
 * @property {string} [reason] of a deviation
 */

/** The leaf of a test's name, as the matrix calls it. */
function leafOf(name) {
  if (OWN.test(name)) return "native";
  return name.startsWith("worker with ") ? "worker around native" : name;
}

/** @returns {Cell} */
function cellOf(outcome, deviation, skipped) {
  if (outcome === "failed") return { kind: "failed" };
  if (outcome === "skipped") {
    return { kind: /\bno wss\b/.test(skipped ?? "") ? "untried" : "lacks" };
  }
  return deviation === undefined ? { kind: "passed" } : { kind: "deviates", reason: deviation };
}

/** Collects results and says them as a matrix. */
export class Matrix {
  /** @type {Map<string, Map<string, Cell>>} by `leaf on platform`, then by case */
  #columns = new Map();
  /** @type {Set<string>} */
  #cases = new Set();

  /** Whether a case of the list has run. */
  get empty() {
    return this.#cases.size === 0;
  }

  /**
   * @param {string} platform
   * @param {readonly Result[]} results of its tests; those of the list are taken
   */
  add(platform, results) {
    const tcp = [];
    for (const { name, outcome } of results) {
      const [, leaf, demand, deviation, skipped] = NAME.exec(name) ?? [];
      if (leaf !== undefined) {
        this.#cases.add(demand);
        this.#set(leafOf(leaf), platform, demand, cellOf(outcome, deviation, skipped));
      } else if (TCP.test(name)) tcp.push({ name, outcome });
    }
    // The tcp leaf has other tests of its own; the list's are known by the other leaves.
    for (const { name, outcome } of tcp) {
      const [, inWorker, demand] = TCP.exec(name);
      const leaf = inWorker === undefined ? "tcp" : TCP_IN_WORKER;
      if (this.#cases.has(demand)) this.#set(leaf, platform, demand, cellOf(outcome));
    }
  }

  #set(leaf, platform, demand, cell) {
    const key = `${leaf} on ${platform}`;
    const column = this.#columns.get(key) ?? new Map();
    this.#columns.set(key, column);
    // Two tests of one name are one cell: a failure of either is one.
    if (column.get(demand)?.kind !== "failed") column.set(demand, cell);
  }

  /** The leaves in their order, and behind them those that only this run knows. */
  #leaves() {
    const seen = [...this.#columns.keys()].map((key) => key.slice(0, key.lastIndexOf(" on ")));
    return [...new Set([...LEAVES, ...seen])];
  }

  /** Columns that have run, in order. */
  #keys() {
    return this.#leaves().flatMap((leaf) => PLATFORMS.map((platform) => `${leaf} on ${platform}`))
      .filter((key) => this.#columns.has(key));
  }

  /** @returns {string} a table of counts, and every case that is not met somewhere */
  compact() {
    const rows = this.#leaves().map((leaf) => [
      leaf,
      ...PLATFORMS.map((platform) => this.#counts(this.#columns.get(`${leaf} on ${platform}`))),
    ]);
    const head = ["", ...PLATFORMS];
    const widths = head.map((_, at) => Math.max(...[head, ...rows].map((row) => row[at].length)));
    const line = (row) => row.map((cell, at) => cell.padEnd(widths[at])).join("  ").trimEnd();
    return [
      `Conformance: ${this.#cases.size} cases; passed+known deviations/untried or beyond the ` +
      "leaf's means, failures if any, - not run",
      line(head),
      ...rows.map(line),
      ...this.#exceptions(),
    ].join("\n");
  }

  /** @param {Map<string, Cell> | undefined} column */
  #counts(column) {
    if (column === undefined) return "-";
    const count = (...kinds) =>
      [...column.values()].filter(({ kind }) => kinds.includes(kind)).length;
    const failed = count("failed");
    const absent = this.#cases.size - column.size;
    return `${count("passed")}+${count("deviates")}/${count("lacks", "untried")}` +
      (failed > 0 ? ` ${failed} FAILED` : "") + (absent > 0 ? ` ${absent} not run` : "");
  }

  /** What deviates or fails, each once, with where. */
  #exceptions() {
    const lines = [];
    for (const demand of this.#cases) {
      /** @type {Map<string, string[]>} */
      const where = new Map();
      for (const key of this.#keys()) {
        const cell = this.#columns.get(key)?.get(demand);
        if (cell?.kind !== "failed" && cell?.kind !== "deviates") continue;
        const what = cell.kind === "failed" ? "FAILS" : cell.reason ?? "";
        where.set(what, [...where.get(what) ?? [], key]);
      }
      if (where.size === 0) continue;
      lines.push(`  ${demand}`);
      for (const [what, keys] of where) lines.push(`    ${what}: ${grouped(keys)}`);
    }
    const rest = `${this.#cases.size - lines.filter((line) => /^ {2}\S/.test(line)).length}`;
    return lines.length === 0
      ? ["Every case passes wherever it ran."]
      : ["", `${rest} cases pass wherever they ran. The others:`, ...lines];
  }

  /** @returns {string} all of it, as a table in Markdown */
  markdown() {
    const keys = this.#keys();
    const reasons = [];
    const noteOf = (reason) => {
      const at = reasons.indexOf(reason);
      return at >= 0 ? at + 1 : reasons.push(reason);
    };
    const shown = (cell) => {
      switch (cell?.kind) {
        case undefined:
          return "not run";
        case "passed":
          return "yes";
        case "failed":
          return "**fails**";
        case "deviates":
          return `no (${noteOf(cell.reason)})`;
        case "lacks":
          return "n/a";
        default:
          return "untried";
      }
    };
    const line = (cells) => `| ${cells.join(" | ")} |`;
    const rows = [...this.#cases].map((demand) =>
      line([
        demand.replaceAll("|", "\\|"),
        ...keys.map((key) => shown(this.#columns.get(key)?.get(demand))),
      ])
    );
    return [
      line(["demand", ...keys]),
      line(["demand", ...keys].map(() => "---")),
      ...rows,
      "",
      ...reasons.map((reason, at) => `${at + 1}. ${reason}`),
    ].join("\n");
  }
}

/** `native on deno`, `web on deno` and `web on bun` as `native (deno), web (deno, bun)`. */
function grouped(keys) {
  const byLeaf = new Map();
  for (const key of keys) {
    const [leaf, platform] = key.split(" on ");
    byLeaf.set(leaf, [...byLeaf.get(leaf) ?? [], platform]);
  }
  return [...byLeaf].map(([leaf, platforms]) => `${leaf} (${platforms.join(", ")})`).join(", ");
}
