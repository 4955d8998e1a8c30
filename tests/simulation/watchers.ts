/**
 * Observers of the lifecycle: one that keeps up, one that sleeps, one that throws.
 *
 * @module
 */
import type { LifecycleSnapshot } from "../../mod.ts";
import type { Client } from "./client.ts";
import { ObserverCheck } from "./invariants/observers.ts";

/** Starts the observers of a connection. */
export function watch(client: Client): void {
  for (const kind of client.profile.observers) {
    if (kind === "fast") void keepUp(client);
    else if (kind === "sleeping") void sleepOn(client);
    else void throwAtFirst(client);
  }
}

async function keepUp(client: Client): Promise<void> {
  const { connection, promises, world } = client;
  const values = connection.lifecycle[Symbol.asyncIterator]();
  let last: LifecycleSnapshot | undefined;
  for (;;) {
    const { done, value } = await promises.follow(values.next(), "next value", world.now);
    if (done) break;
    if (last !== undefined && value.version <= last.version) {
      world.fail("I10", `version ${value.version} was seen after ${last.version}`);
    }
    last = value;
    client.note(`seen ${value.phase} ${value.epoch}`);
  }
  if (last !== connection.lifecycle.value) world.fail("I10", "the last value was not seen");
}

async function sleepOn(client: Client): Promise<void> {
  const { connection, promises, world, random } = client;
  const check = new ObserverCheck();
  const { lifecycle } = connection;
  const nap = () => {
    if (client.ended) return;
    check.look(lifecycle.value, client.truth, world.fail);
    world.in(random.span(1_000, 1_800_000), nap);
  };
  nap();
  let version = -1;
  for (;;) {
    const newer = await promises.follow(lifecycle.changed(version), "changed", world.now);
    if (!newer) break;
    ({ version } = lifecycle.value);
  }
  if (!lifecycle.ended) world.fail("I10", "changed() said false before the end");
}

async function throwAtFirst(client: Client): Promise<void> {
  const { connection, promises, world, index } = client;
  const thrown = new Error("observer throws");
  const waited = connection.lifecycle.waitFor(({ epoch }) => {
    if (epoch === 0) return false;
    world.fault("observer throws", index);
    throw thrown;
  });
  try {
    await promises.follow(waited, "waitFor", world.now);
    world.fail("I10", "a predicate that throws was satisfied");
  } catch (error) {
    if (error !== thrown && !client.ended) world.fail("I10", "waitFor rejected before the end");
  }
}
