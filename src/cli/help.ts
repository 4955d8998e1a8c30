/**
 * The answer to `--help`.
 *
 * @module
 */
import { PRESETS } from "../venues/mod.ts";

/** Names in lines that are not too long, each line indented. */
function folded(names: readonly string[], indent: string): string {
  const lines: string[] = [];
  for (const name of names) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + name.length < 76) {
      lines[lines.length - 1] = `${last}, ${name}`;
    } else lines.push(indent + name);
  }
  return lines.join(",\n");
}

/** The text. */
export const HELP: string = `Usage: holdfast URL [option ...]

Connects to a WebSocket url and holds the feed: it reconnects, notices silence and counts losses.
Data frames go to the standard output, one line each (binary ones in base64); what happens to the
connection goes to the error output. Lines of the standard input are sent.

  --json              one JSON object per frame: {"epoch":1,"seq":7,"type":"text","data":"..."}
  --header NAME:VALUE a request header; repeatable
  --protocol NAME     a subprotocol to offer, most wanted first; repeatable
  --send TEXT         sent at the start of every session, so after a reconnect too; repeatable
  --until WHAT        end after a duration (30s), so many frames (100), or the first frame with
                      a text (hello) or a regular expression (/"id":\\d+/); repeatable, any ends it
  --preset NAME       settings for a venue; without a URL, its first one
  --stale-after DUR   nothing heard for so long is stale; after twice that, dial again
  --rate N/MS         send at most N frames in any MS milliseconds (5/1000 or 5/1s)
  --max-frames N      frames that may wait for a slow reader; the oldest beyond are dropped, counted
  --max-attempts N    give up after N failures in a row          (default: never)
  --no-hold           refuse a line of the input while there is no session, instead of holding it
  --stats             final counts on the error output
  --demo              a small server inside this program that sends quotes and drops connections
  -q, --quiet         nothing about the connection but why it was given up
  -h, --help          this text
  -V, --version       the version

Durations: 500ms, 30s, 2m, 1h. Presets:
${folded(Object.keys(PRESETS), "  ")}

Exit codes: 0 ended as asked; 1 gave up, or --until passed without a session; 2 the command line
was wrong; 130 interrupted (a second Ctrl+C ends at once); 141 nobody reads the output any more;
143 terminated.`;
