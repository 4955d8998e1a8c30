/**
 * Copies of the repository in which bugs are planted; the repository itself is never touched.
 *
 * @module
 */
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { applied, type Mutant } from "./mutant.ts";

/** What the tests need. */
const COPIED = ["mod.ts", "src", "tests", "tools", "deno.json", "package.json"];

/** One copy. */
export class Tree {
  /** Where it is. */
  readonly folder: string;
  readonly #originals: Map<string, string> = new Map();

  /** Makes a fresh copy of the repository in which this program runs. */
  constructor(folder: string) {
    this.folder = folder;
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    for (const name of COPIED) cpSync(name, join(folder, name), { recursive: true });
  }

  /** Plants a bug. @throws {PatchError} If it does not fit. */
  plant(mutant: Mutant): void {
    for (const [file, text] of applied(mutant, (name) => this.#read(name))) {
      this.#originals.set(file, this.#read(file));
      writeFileSync(join(this.folder, file), text);
    }
  }

  /** Takes the bug out again. */
  restore(): void {
    for (const [file, text] of this.#originals) writeFileSync(join(this.folder, file), text);
    this.#originals.clear();
  }

  #read(file: string): string {
    return readFileSync(join(this.folder, file), "utf8");
  }
}
