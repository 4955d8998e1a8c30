/**
 * One scenario over every leaf. The test is called after the scenario over the platform's own leaf, and says so over
 * the other.
 *
 * @module
 */
import type { ConnectionOptions, UrlSource } from "../../mod.ts";
import { test, type TestOptions } from "../support/harness.ts";
import { Feed } from "./feed.ts";
import { FAULT_LEAVES, type FaultLeaf } from "./leaves.ts";

/** A leaf under test. */
export interface LeafUnderFault extends FaultLeaf {
  /** Whether it is the leaf over TCP, which sees and can do what platforms cannot. */
  readonly isTcp: boolean;
  /** A connection over it. */
  feed(url: UrlSource, options?: ConnectionOptions): Feed;
}

/** What a scenario does. */
export type LeafScenario = (leaf: LeafUnderFault) => void | Promise<void>;

/** A name, or how the leaf at hand makes one. */
export type LeafName = string | ((leaf: LeafUnderFault) => string);

/** Registers a scenario once per leaf; `eachLeaf.test(` is a `test(` for what looks for tests in the source. */
export const eachLeaf: {
  test(name: LeafName, scenario: LeafScenario): void;
  test(name: LeafName, options: TestOptions, scenario: LeafScenario): void;
} = {
  test(name: LeafName, ...rest: [LeafScenario] | [TestOptions, LeafScenario]): void {
    const [options, scenario] = rest.length === 2 ? rest : [{}, rest[0]];
    for (const one of FAULT_LEAVES) {
      const leaf: LeafUnderFault = {
        ...one,
        isTcp: one.name === "tcp",
        feed: (url, feedOptions) => new Feed(url, feedOptions, one),
      };
      const said = typeof name === "string" ? name : name(leaf);
      test(leaf.isTcp ? `${said} over tcp()` : said, options, () => scenario(leaf));
    }
  },
};
