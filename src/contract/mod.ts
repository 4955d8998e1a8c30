/**
 * The contract: types, guards and errors that everything else is written against. It imports nothing.
 *
 * @module
 */
export * from "./abort.ts";
export * from "./auth.ts";
export * from "./budget.ts";
export * from "./classify.ts";
export * from "./connection.ts";
export * from "./connector.ts";
export * from "./errors.ts";
export * from "./frame.ts";
export * from "./handshake.ts";
export * from "./lifecycle.ts";
export * from "./options.ts";
export * from "./reconnecting.ts";
export * from "./runtime.ts";
export * from "./session.ts";
export * from "./trace.ts";
