/**
 * Every planted bug.
 *
 * @module
 */
import type { Mutant } from "./mutant.ts";
import { CONNECT } from "./plan/connect.ts";
import { RECONNECT } from "./plan/reconnect.ts";
import { RECV } from "./plan/recv.ts";
import { SEND } from "./plan/send.ts";

/** The planted bugs, in no order that matters. */
export const MUTANTS: readonly Mutant[] = [...RECONNECT, ...CONNECT, ...RECV, ...SEND];
