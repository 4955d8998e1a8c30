/**
 * How a checker says that something does not hold.
 *
 * @module
 */

/** The invariants, by their numbers in the design. */
export type Invariant =
  | "I1"
  | "I2"
  | "I3"
  | "I4"
  | "I5"
  | "I6"
  | "I7"
  | "I8"
  | "I9"
  | "I10"
  | "I11"
  | "I12"
  | "I13"
  | "I14"
  | "I15"
  | "I16";

/** Notes that an invariant is broken. */
export type Fail = (invariant: Invariant, detail: string) => void;
