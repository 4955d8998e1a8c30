/**
 * The user's side of Binance: signatures, and the subscription that each session begins with.
 *
 * @module
 */
import { createHmac } from "node:crypto";
import { type SessionStart, TransportError } from "../../mod.ts";

/** The venue refuses requests for so long. */
export class Cooldown extends Error {
  readonly ms: number;
  constructor(ms: number) {
    super(`Cannot subscribe to user data: refused for ${ms} ms`);
    this.ms = ms;
  }
}

/** Subscribes. Refused credentials are permanent, a ban says how long it lasts, anything else is tried again. */
export async function subscribeUser(
  session: SessionStart,
  params: Readonly<Record<string, string | number>>,
): Promise<void> {
  const id = `user ${session.epoch}`;
  const answered = session.next(({ type, data }) =>
    type === "text" && JSON.parse(data as string).id === id
  );
  const method = "userDataStream.subscribe.signature";
  await session.send(JSON.stringify({ id, method, params }));
  const { status, error } = JSON.parse((await answered).data as string);
  if (status === 200) return;
  const why = `Cannot subscribe to user data: ${status}`;
  if (status === 401) throw new TransportError("auth_rejected", why);
  const { retryAfter, serverTime } = error?.data ?? {};
  throw retryAfter === undefined ? new Error(why) : new Cooldown(retryAfter - serverTime);
}

/** An open order, as `GET /api/v3/openOrders` lists it. */
export interface OpenOrder {
  readonly orderId: number;
  readonly status: string;
  readonly executedQty: string;
}

/** What the venue wants signed: the question for open orders, and the parameters of the subscription. */
export function signedWith(apiKey: string, secret: string): {
  openOrders(): Promise<OpenOrder[]>;
  signed(): Record<string, string | number>;
} {
  const sign = (query: string) => createHmac("sha256", secret).update(query).digest("hex");
  return {
    async openOrders() {
      const query = `timestamp=${Date.now()}`;
      const url = `https://api.binance.com/api/v3/openOrders?${query}&signature=${sign(query)}`;
      const answer = await fetch(url, { headers: { "X-MBX-APIKEY": apiKey } });
      const body = await answer.text();
      if (!answer.ok) throw new Error(`Cannot ask for open orders: ${answer.status}`);
      return JSON.parse(body);
    },
    signed() {
      const timestamp = Date.now();
      // In alphabetical order (web-socket-api.md, request security).
      return { apiKey, timestamp, signature: sign(`apiKey=${apiKey}&timestamp=${timestamp}`) };
    },
  };
}
