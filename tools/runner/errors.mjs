// Errors that are said in a sentence, without a stack.

/** What was asked for does not exist. */
export class UsageError extends Error {}

/** What is needed is not here. */
export class SetupError extends Error {}
