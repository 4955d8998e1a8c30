import { assert, assertEquals, assertGreater, assertMatch, assertNotEquals } from "@std/assert";
import { servePage } from "../../examples/page/serve.ts";
import { nativeOpen } from "../e2e/support.ts";
import { test } from "../support/harness.ts";
import { chromium, Page } from "./browser.ts";

test("servePage() gives page and library to a browser, without types, and nothing else", async () => {
  const page = await servePage();
  try {
    const get = async (path: string) => {
      const answer = await fetch(new URL(path, page.url));
      return {
        status: answer.status,
        type: answer.headers.get("content-type"),
        text: await answer.text(),
      };
    };
    assertMatch((await get("/")).text, /<script type="module" src="app\.ts">/);
    const { type, text } = await get("/examples/page/history.ts");
    assertMatch(type!, /^text\/javascript/);
    assert(!text.includes("interface ") && text.includes("class History"));
    for (
      const path of [
        "/deno.json",
        "/src/../deno.json",
        "/src/%2e%2e/deno.json",
        "/src/nope.ts",
        "/fault/cut",
      ]
    ) {
      assertEquals((await get(path)).status, 404, path);
    }
  } finally {
    await page.close();
  }
});

test("PageVenue suffers what the buttons ask for, and heals", async () => {
  const page = await servePage();
  const open = await nativeOpen();
  const ask = async (fault: string) => {
    const answer = await fetch(new URL(`/fault/${fault}`, page.url), { method: "POST" });
    return await answer.json() as { frozen: boolean; refusing: boolean };
  };
  const feed = open(page.venue.url, {
    backoff: { minDelayMs: 5, maxDelayMs: 20 },
    liveness: { staleAfterMs: 300 },
    buffer: { maxFrames: 4_096 },
  });
  const when = (holds: (now: typeof feed.lifecycle.value) => boolean) =>
    feed.lifecycle.waitFor(holds);
  try {
    await feed.ready;
    await ask("cut");
    await when(({ phase, epoch }) => phase === "resumed" && epoch === 2);
    await ask("flood");
    await when(({ totalLagged }) => totalLagged > 0);
    assertEquals(await ask("freeze"), { frozen: true, refusing: false });
    await when(({ phase }) => phase === "stale");
    assertEquals(await ask("refuse"), { frozen: true, refusing: true });
    const { attempts } = await when(({ phase }) => phase === "reconnecting");
    await when((now) => now.attempts > attempts);
    assertEquals(feed.lifecycle.value.epoch, 2);
    assertEquals(await ask("heal"), { frozen: false, refusing: false });
    await when(({ phase, epoch }) => phase === "resumed" && epoch === 3);
  } finally {
    await feed.control.shutdown();
    await page.close();
  }
});

/** In the page: the colours of a picture, most frequent first. */
const COLOURS = (png: string) =>
  `(async () => {
    const image = new Image();
    image.src = "data:image/png;base64,${png}";
    await image.decode();
    const { width, height } = image;
    const context = new OffscreenCanvas(width, height).getContext("2d");
    context.drawImage(image, 0, 0);
    const { data } = context.getImageData(0, 0, width, height);
    const seen = new Map();
    for (let at = 0; at < data.length; at += 4) {
      const colour = data[at] + "," + data[at + 1] + "," + data[at + 2];
      seen.set(colour, (seen.get(colour) ?? 0) + 1);
    }
    return [...seen].sort((a, b) => b[1] - a[1]).map(([colour]) => colour);
  })()`;

/** In the page: the value of a colour of the style sheet, as a picture has it. */
const COLOUR_OF = (name: string) =>
  `(() => {
    const hex = getComputedStyle(document.body).getPropertyValue("--${name}").trim();
    return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)).join();
  })()`;

test(
  "the page shows what happens to a feed in Chromium, by mouse, by keyboard, in light and dark",
  {
    only: ["deno"], // the page is the same whatever serves it; one browser is enough
    skip: chromium === undefined ? "no Chromium on this machine" : undefined,
    timeoutMs: 60_000,
  },
  async () => {
    const page = await servePage();
    const browser = await Page.open(page.url);
    const when = (condition: string) =>
      browser.evaluate(
        `holdfast.connection.lifecycle.waitFor((now) => ${condition}).then(() => 0)`,
      );
    const textOf = (id: string) =>
      browser.evaluate<string>(`document.getElementById("${id}").textContent`);
    try {
      await browser.evaluate(
        "import('/examples/page/app.ts').then(() => holdfast.connection.ready)",
      );
      assertEquals(await textOf("phase"), "Connected, session 1");

      await browser.click("#cut");
      await when("now.phase === 'resumed' && now.epoch === 2");
      assertMatch(await textOf("log"), /session 2 up.*you: cut.*session 1 up/);

      await browser.click("#flood");
      await when("now.totalLagged > 0");
      await browser.evaluate("holdfast.show()");
      assertGreater(Number((await textOf("lagged")).replaceAll(",", "")), 0);
      assertEquals(await textOf("balance"), "It balances.");

      await browser.evaluate("document.getElementById('cut').focus()");
      await browser.press("Tab");
      assertEquals(
        await browser.evaluate(
          "[document.activeElement.id, getComputedStyle(document.activeElement).outlineStyle].join()",
        ),
        "freeze,solid",
      );
      await browser.press("Enter");
      await when("now.phase === 'stale'");
      assertMatch(await textOf("phase"), /^Stale/);
      assertEquals(
        await browser.evaluate(
          "[document.getElementById('freeze').ariaPressed, document.getElementById('phase').ariaLive].join()",
        ),
        "true,polite",
      );
      await browser.click("#heal");
      await when("now.phase === 'resumed' && now.epoch === 2");

      await browser.click("#refuse");
      await when("now.phase === 'reconnecting' && now.attempts >= 4");
      await browser.click("#heal");
      await when("now.phase === 'resumed' && now.epoch === 3");

      const phases = await browser.evaluate<string[]>(
        "holdfast.history.spans.map(({ phase, epoch }) => phase + ' ' + epoch)",
      );
      // In this order; a busy machine may have seen more.
      const expected = [
        "connecting 0",
        "connected 1",
        "reconnecting 1",
        "resumed 2",
        "stale 2",
        "resumed 2",
        "reconnecting 2",
        "resumed 3",
      ];
      let met = 0;
      for (const phase of phases) if (phase === expected[met]) met++;
      assertEquals(met, expected.length, phases.join(", "));

      const backgrounds: string[] = [];
      for (const scheme of ["light", "dark"] as const) {
        await browser.scheme(scheme);
        await browser.evaluate("holdfast.show()");
        const colours = await browser.evaluate<string[]>(COLOURS(await browser.screenshot()));
        assertGreater(colours.length, 50, "a picture, and not a blank one");
        for (const name of ["page", "card", "up", "stale", "down", "rate", "buffer"]) {
          const colour = await browser.evaluate<string>(COLOUR_OF(name));
          assert(colours.includes(colour), `${name} (${colour}) is drawn in ${scheme}`);
        }
        backgrounds.push(colours[0]!);
      }
      assertNotEquals(backgrounds[0], backgrounds[1]);
      assertEquals(browser.errors, []);
    } finally {
      await browser.close();
      await page.close();
    }
  },
);
