/**
 * What the page says around its figures. Whoever measures anew reads it again: it explains figures, and these change.
 *
 * @module
 */

/** The texts, by their place. */
export const NOTES = {
  introduction:
    `What Holdfast costs, against the bare native socket of the same runtime and against its
peers. The figures are ratios: the bare native listener, which only reads the payload, is 1, and
higher is better. What is compared took turns on one machine, round by round; absolute speeds of
another machine are different, ratios less so.`,

  receive: `Median over the rounds, with the quartiles. Everything that is on by default is on:
heartbeat, buffer, counters, epoch and seq. \`readable\` is held against the native listener into a
\`ReadableStream\` (\`nativeReadable\`), everything else against the bare listener (\`native\`). Push peers
(\`rews\`, \`partysocket\`, \`ws\`) are to be compared with the listener, pull peers (\`atproto\`,
\`effect\`) with ours. \`atproto\` runs over \`ws\`, not over the native socket, on all three runtimes:
\`ws.forAwait\`, ours over that package, is what compares with it. \`effect\` has no bound for its buffer on Deno and Node, where the
platform's socket cannot pause: it would encode each text to count its bytes.
\`tcp.*\` is the whole stack over the leaf of our own ([RFC 6455](rfc6455.md)).`,

  peers:
    `Frames per second of ours divided by those of the peer, in the same rounds: median and quartiles. Above 1 ours is
faster; where the quartiles enclose 1 it says so (**even**), and where they are below it (**behind**). What of ours is compared
has the same socket below it: the platform's, the package \`ws\`, or one of its own (\`partysocket\` could be given \`ws\`, too, and is faster then). Ours only pulls, which costs more than to push; it is
held against peers that push all the same.`,

  send:
    `200 bytes of text; the clock ends when the server has counted the last message. \`windowed\`
pauses for one promise after every 64 messages, \`burst\` after every 4,096, \`awaitEach\` after each; the
native loop pauses as often. Peers have windows of 64, too (\`effect\` by \`writeAll\`). \`tcp\` without more is the burst. Ours may keep 8,192 frames and 64 MiB waiting here: by default, with 1,024, it would refuse a burst.
\`limiterNs.on\` is what \`sendRateLimit\` adds to a send, in nanoseconds; \`off\` is what two equal runs without it differ by: the noise.`,

  echo:
    `A message, and an answer of the same size; 300 trips of each, in turns, over the bare socket and over the whole stack
with the tcp leaf, after 4,000 or 2.5 seconds of trips that do not count; medians in milliseconds. The native socket of Deno
meets Nagle's algorithm and delayed acknowledgements there. What the first trips cost, and where the rest goes on Bun, is said below.`,

  latency:
    `Microseconds between the message event (for \`tcp\`, the leaf handing over the frame) and the
consumer, at 1,000 and at 20,000 single messages per second. \`batches\` waits for one turn of the event
loop, by its contract.`,

  overload:
    `20,000 messages of 1,000 bytes per second for ten seconds, and a consumer that takes 20 of
them, then pauses for 10 ms; \`maxBytes\` is 8 MiB. \`heldBytes\` is what was alive after garbage
collections, at most, beyond what was before; allowed are \`maxBytes\`, one frame, one batch and 8 MiB.`,

  reconnect:
    `From the \`close\` event to the first frame of the next session, without a delay, medians
in milliseconds. Then 1,000 connections on one budget of 100 attempts per second whose server
restarts; \`mostPerWindow\` is the most dials in any second.`,

  recovery:
    `Milliseconds from the loss to the next message, median of three rounds; **never** is not within 10 s, in one round at least.
The server greets each connection and loses the first after 50 ms: it resets it, or (half open) neither reads nor writes any more.
The next dial then meets the fault, if it is one of dialling, and the one after it is served. All wait 100 ms before they dial
and have a second for a dial where they can be told so; a second without a sign of life is too much, where somebody looks.
\`connect\` is ours over the platform's socket, \`tcp\` over the leaf of our own. \`rews\` and \`partysocket\` do not look for dead connections,
and limit a dial only from its socket on; \`atproto\` waits 100 ms by \`maxReconnectSeconds\`,
has no limit for a dial, and looks by pings; \`effect\` connects once, and is run again by \`Effect.retry\`, as its documentation has it.
Node's own socket repeats a request by itself that was answered with 401, so that whoever uses it needs no second dial there.`,

  footprint:
    `Live bytes per idle connection, of 5,000, after garbage collections, 11 s after the last dial: from 10 s
on a connection counts as stable and waits for nothing but frames. Bundles are minified and gzipped.`,

  gaps: `## Where the gaps come from

**Bundle.** \`connect()\` is 21.0 kB, not the 12 kB aimed at; it was 21.8 before it was written shorter in thirty places. What it would be without
parts of it (\`node tools/weights.mjs\`, 2026-11-27; minified and gzipped, in bytes; a part is replaced by the least that lets the rest be bundled):

| \`connect()\` without                                     | bytes  | saves |
| --------------------------------------------------------- | ------ | ----- |
| nothing                                                   | 21,021 |       |
| the outbox: queue, bounds, holding, pacing                | 18,397 | 2,624 |
| the text of every message                                 | 19,316 | 1,705 |
| the checks of options                                     | 19,629 | 1,392 |
| the checks of url, headers and subprotocols               | 20,094 | 927   |
| the heartbeat                                             | 20,128 | 893   |
| \`for await\` and \`batches()\` (\`readable\` stays)           | 20,196 | 825   |
| layers on both axes                                       | 20,266 | 755   |
| the attempt budget                                        | 20,470 | 551   |
| \`writable\`                                              | 20,662 | 359   |
| \`auth\`, \`connectTimeoutMs\`, the url function and tracing | 20,739 | 282   |
| all of these but the outbox and the messages              | 14,951 | 6,070 |
| all of these but the messages                             | 12,679 | 8,342 |
| all of these                                              | 11,867 | 9,154 |

So 12 kB is what is left when everything is gone that anybody could do without, its own error messages included: reconnecting, one leaf, a buffer
with \`readable\`, the lifecycle, and sends that go at once or fail. No structure that keeps \`connect()\` and what it does comes near; only a
second entry could, with parts as imports of their own, and it would begin at 15.0 kB. Names are not the reason either: with every property shortened
(\`mangleProps: /./\`, which breaks it) it was 19.3 kB. The contract and the leaf of \`./web\` alone are 3.9 kB, not 3: 9.3 kB before gzip, of which
the session over a \`WebSocket\` has 4.2, the checks of a handshake 1.9, errors and frames 1.4. \`npm run ci\` keeps all three sizes
([tools/sizes.json](../tools/sizes.json)).

**Heap of an idle connection.** Bounded by 6 KiB beyond the bare socket. Heap snapshots showed
closures, abort signals, watches and, on Deno, async contexts that an idle connection does not need; these are made
on first use now, are methods of one object, or are shared. What is left on Node: the outbox 1.0 KB, dial layers and budget .8, the
machine's state and policy .65, the buffer .45, a timer .35.

**Where a peer is as fast, or ahead.** At 200 bytes nobody is ahead, and only \`rews\` on Deno is even, in two runs of three: a callback against
a loop that has a promise for each message. With JSON differences on Deno it and \`partysocket\` are ahead by 3 to 5 %, and at 1,400 bytes even, or ahead
in one run (ours had .96, .78 and .98 of \`rews\`), for the same reason: the more a message costs by itself, the less ours can save elsewhere.
With 64 KiB the memory decides: on Node 24 the collector has
9 % of the client's samples, \`createUnsafeBuffer\` 9 %, undici's \`consume\` 5 %, and everything of ours less than 1 % (\`--cpu-prof\`, 30 runs of
8,000 messages of bytes; the bare listener by itself 10 %, 10 %, 3 %). There quartiles are wide, and change sides from run to run. \`ws\` on
Bun is no package but a part of Bun, in native code, like \`atproto\` over it.

**From run to run.** Two cores shared with other machines give a figure that differs between runs by
more than within one. Three runs of 2026-11-27 (\`npm run bench\`, 9 rounds each), the first with one process of each candidate, the second with three, the last
with three and half a run before each that counts, which is what V8 made necessary (it gives memory back after eight seconds without work): on Node
\`batches\` .90, .80, .98, \`forAwait\` .79, .83, .91 and \`text64k.tcp.forAwait\` 1.27, 1.27, 1.59; on Deno \`batches\` .87, .86, .84 and \`forAwait\` .77, .80, .78;
on Bun \`text64k.tcp.forAwait\` .69, .76, .83 and \`text1400.tcp.forAwait\` 1.09, .93, .98. Receiving and sending on this page are of the last, the rest
is of the first, and the footprint of the second; the library was the same (since then 22 bytes of bundle more, for a full socket that drains at the last moment).

Profiles of the tcp leaf where it is near its bound or below it (\`--cpu-prof\` of each runtime, \`perf record\`
on Bun; 2026-11-25, deno 2.9.5, node 24.21.0, bun 1.4.5, on a machine with other work):

- **Round trips on Bun**, at 1,025, 4,096 and 16,384 bytes, ratios of medians to native, in turns in one process and against one server. A client of
60 lines over \`Bun.connect\` had 1.00, 1.03 and 1.06, one over \`node:net\` 1.02, 1.06 and 1.12. The whole stack had 1.15, 1.18 and 1.42 over
\`node:net\`, and has 1.09, 1.10 and 1.15 since it calls Bun's native socket itself, lays long messages side by side in a slab (it kept room for
three bytes per character, so that each message of 16 KiB took a new slab of 64 KiB), and uses a slab again once the system has its
bytes. Eight runs of \`npm run bench -- --only echo --runtime bun\` gave 1.06 to 1.10, 1.08 to 1.15 and 1.11 to 1.20; with the code of before,
in turns with them, 1.11 to 1.13, 1.13 to 1.20 and 1.32 to 1.37. What is left at 16 KiB is the mask above all: laid on 32 bits at a time, it
takes .9 to 3 microseconds of 37.
- **The first round trips on Bun.** Our JavaScript is compiled while it runs, native code was before. After 50 trips instead of 4,000 the stack had
1.40, 1.41 and 1.45 (before: 1.68, 1.79 and 2.04), after 20,000 it had 1.06, 1.10 and 1.13.
- **64 KiB on Bun.** Compiled JavaScript, ours included, has 1 % of the client's samples at 64 KiB of text, the kernel 69 %, Bun 30 % (native: .2,
63 and 37 with \`memmove\`). Each byte is copied by the kernel, by Bun into memory of up to 512 KiB that it gives us, and into the string; the
native socket saves the second, and \`onread\` of \`node:net\` adds a fourth. Processor time of the client per message: native 31
microseconds, \`Bun.connect\` 26 if it only counts bytes and 41 with strings, the leaf 42, and 44 to 48 over \`onread\`. Processor time of native by that of
the stack with \`for await\`, before and now (\`npm run bench -- --only receive --runtime bun\`; at a load of 11 on two cores speeds said little): 64 KiB
of bytes .49 and .73, of text .59 and .61, 1,400 bytes .57 and .69, 200 bytes over TLS .96 and 1.34. By themselves
\`utf8Slice\` and \`TextDecoder\` are slower than \`latin1Slice\` from 4 KiB on.
- **Batches of 200 bytes on Node.** The client idles 27 % of the time: it waits for the server, which is
Node, too. Of the rest \`latin1Slice\` has 10 %, garbage collection 9 %, the frame reader 11 %.
- **Batches of 200 bytes on Deno.** \`op_read\` 26 %, \`decodeLatin1\` 14 %, the frame reader 13 %.
- **Sends on Bun.** Through \`node:net\` writing into Bun's socket was 21 to 27 %, joining what it could not take at
once (\`concat\`) 6 to 10 %, new slabs 10 %, masking 7 %, encoding 6 %. Straight into the native socket, what it did not take is kept as it is, and
slabs are used again. \`npm run bench -- --only send\`, 3 rounds, before and now: burst 4.6 and 9.2, windowed 6.5 and 11.5, one by one .51 and .74.
A program on Bun that writes bytes framed beforehand, and does nothing else, got 2.5 to 6.3 million messages per second (median 4.6) into the
same server, beside other work.
- **Bursts of sends on Deno.** \`op_write\` 18 %, encoding 17 %, garbage collection 11 %, idle 11 % while
the socket is full, and some 12 % in the queue where frames wait once the socket holds
\`highWaterMarkBytes\`. Windows of 64 do not fill it, and are faster.`,

  method: `## How it is measured

\`npm run bench\` runs it all; \`--help\` says how to run parts. A server in a process of its own writes
frames that were made beforehand, in pieces of a mebibyte, as fast as the client reads, after the
client's first frame; the client's clock runs from that frame to the last message. Each candidate has
three processes, one after another, so that none runs code that another has warmed up, and what a process
is like by chance for as long as it lives shows in the quartiles (with 64 KiB, most of it does: a message is memory to be
found and given back, and when a collector runs is luck). Each has three rounds of about a quarter of a second, after runs to find out
how many messages that is, and one round that is discarded; each turn begins with half a run that does not count, as an engine gives memory back
while others have their turns. The order changes from round to round, and ratios are taken within a round.
That is so for receiving and sending, which \`--rounds\` is about. Latency is three rounds, a process for
each candidate in each, without the first tenth of its messages; coming back from a fault is three rounds, all clients at once, each
in a process of its own. What else there is runs once, and round trips and reconnecting have both ways in one process. What
a buffer dropped and said so, and what was lost without a word, is reported beside each figure.

What one frame costs in promises and in bytes allocated is not timed but counted, and kept by a test
(\`tests/bench/cost_test.ts\`): the same numbers in every run.

The parts have benchmarks of their own (\`deno bench\`): ring, fuse, buffer, token window, outbox, codec.`,
} as const;
