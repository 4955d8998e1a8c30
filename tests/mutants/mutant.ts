/**
 * A planted bug: a mistake that somebody could make, or that a peer has made, as a small patch.
 *
 * @module
 */
import type { Invariant } from "../simulation/invariants/fail.ts";

/** One replacement in one file. */
export interface Edit {
  readonly file: string;
  /** Occurs exactly once. */
  readonly find: string;
  readonly replace: string;
}

/** What must notice: tests of one file, or so many seeds of the simulation, which must name an invariant. */
export type Killer =
  | { readonly file: string; readonly test: string }
  | { readonly seeds: number; readonly says: Invariant };

/** A planted bug. */
export interface Mutant {
  /** Short, unique. */
  readonly name: string;
  /** The mistake that it stands for. */
  readonly mistake: string;
  /** A client in which this was found, with the behaviour that was seen. */
  readonly seenIn?: string;
  readonly breaks: readonly Invariant[];
  readonly edits: readonly Edit[];
  /** Fastest first; one is enough to kill. */
  readonly killers: readonly Killer[];
}

/** A patch that does not fit the source. */
export class PatchError extends Error {}

/**
 * Applies a mutant.
 *
 * @param mutant The planted bug.
 * @param read Gives the text of a file.
 * @returns the new text of each file that it changes.
 * @throws {PatchError} If something to be replaced does not occur exactly once.
 */
export function applied(mutant: Mutant, read: (file: string) => string): Map<string, string> {
  const texts = new Map<string, string>();
  for (const { file, find, replace } of mutant.edits) {
    const text = texts.get(file) ?? read(file);
    const parts = text.split(find);
    if (parts.length !== 2) {
      throw new PatchError(
        `Cannot plant "${mutant.name}": ${JSON.stringify(find)} occurs ${
          parts.length - 1
        } times in ${file}`,
      );
    }
    texts.set(file, parts.join(replace));
  }
  return texts;
}

/** One edit in one file. */
export function edit(file: string, find: string, replace: string): readonly Edit[] {
  return [{ file, find, replace }];
}
