/**
 * Everybody who can receive, by name.
 *
 * @module
 */
import { native, nativeReadable, type Receive, twoTransforms } from "./controls.ts";
import { holdfast } from "./holdfast.ts";
import { peers } from "./peers.ts";

/** The controls, ours, and the peers. */
export const candidates: Readonly<Record<string, Receive>> = {
  native,
  nativeReadable,
  twoTransforms,
  ...holdfast,
  ...peers,
};
