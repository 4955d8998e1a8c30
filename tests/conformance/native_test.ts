/**
 * The conformance list against the own leaf of the server runtime that runs this file.
 *
 * @module
 */
import { platform } from "../support/harness.ts";
import { nativeLeaf } from "./native_leaf.ts";
import { registerCases } from "./run_cases.ts";

registerCases({ name: platform, platform, ...await nativeLeaf() });
