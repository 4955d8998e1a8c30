/**
 * Requests that may go down with their session, because `onSession` asks for everything in the next one.
 *
 * @module
 */
import { isTransportError, type ReconnectingConnection } from "../../mod.ts";

/** Sends. What cannot go out now is left to the next session; any other error is the caller's. */
export async function sendWhileUp(feed: ReconnectingConnection, text: string): Promise<void> {
  try {
    await feed.send(text);
  } catch (error) {
    if (!isTransportError(error)) throw error;
  }
}
