// A worker file that fails at its start.
throw new Error("boom");
