// What ran, how it ended, and the one last line.
import process from "node:process";
import { again } from "./again.mjs";
import { Matrix } from "./matrix.mjs";

/**
 * How a suite or gate ended.
 *
 * @typedef {object} Outcome
 * @property {number} [passed]
 * @property {number} [failed]
 * @property {number} [skipped]
 * @property {string} [note] a few words for the summary line
 * @property {string} [text] what to show, if it was not shown while it ran
 * @property {readonly { platform: string, tests: readonly import("./matrix.mjs").Result[] }[]} [results]
 * how each test ended, where that is known
 */

const colour = process.stdout.isTTY && process.env.NO_COLOR === undefined;
const paint = (code, text) => colour ? `\x1b[${code}m${text}\x1b[0m` : text;

/** Counts outcomes and prints them. */
export function makeTally() {
  const total = { passed: 0, failed: 0, skipped: 0 };
  const lines = [];
  const matrix = new Matrix();
  /** @type {{ suite: string, test: string }[]} */
  const broken = [];
  return {
    /** Whether something failed. */
    get failed() {
      return total.failed > 0;
    },
    /**
     * @param {string} name
     * @param {Outcome} outcome
     * @param {number} ms how long it took
     * @returns {string} its line
     */
    add(name, { passed = 0, failed = 0, skipped = 0, note = "", results = [] }, ms) {
      for (const { platform, tests } of results) {
        matrix.add(platform, tests);
        for (const { name: test, outcome } of tests) {
          if (outcome === "failed") broken.push({ suite: name, test });
        }
      }
      total.passed += passed;
      total.failed += failed;
      total.skipped += skipped;
      const counts = `${String(passed).padStart(5)} passed ${String(failed).padStart(4)} failed ` +
        `${String(skipped).padStart(4)} skipped ${(ms / 1000).toFixed(1).padStart(7)} s`;
      const line = `${name.padEnd(22)}${counts}${note === "" ? "" : `  ${note}`}`;
      lines.push(failed > 0 ? paint(31, line) : line);
      return line;
    },
    /**
     * Prints every line, what failed and how to run it again, the conformance matrix if cases of it ran, and at last the totals.
     *
     * @param {{ matrix?: boolean }} options `matrix`: every cell of it, as Markdown
     */
    print({ matrix: whole = false } = {}) {
      console.log(`\n${lines.join("\n")}\n`);
      if (broken.length > 0) console.log(`${again(broken).join("\n")}\n`);
      if (!matrix.empty) console.log(`${whole ? matrix.markdown() : matrix.compact()}\n`);
      const last = `${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`;
      console.log(paint(total.failed > 0 ? 31 : 32, last));
    },
  };
}
