// What is shown, to take elsewhere: a link, its minutes as a file, a picture.

import { lasting, pageAddress, queryOf } from "./address.js";
import { askForFile, make, minuteText } from "./page.js";
import { drawPicture } from "./picture.js";

const SPANS = { 1: "hour", 24: "24\u00a0hours", 168: "7\u00a0days" };
// A browser reads what it saves from the page, and may ask first.
const KEPT_MS = 60_000;

const at = (id) => document.getElementById(id);

/**
 * The name of a file with the minutes [from, to) of a symbol as they were known at a moment.
 *
 * include/web/price_files.py gives the same name.
 */
export function fileName({ symbol, from, to, known }, kind) {
  const stamp = (moment, length) => `${moment.toISOString().slice(0, length)}Z`.replaceAll(":", "");
  return `${symbol}_${stamp(from, 16)}_${stamp(to, 16)}_as_of_${stamp(known, 19)}.${kind}`;
}

function save(content, name) {
  const link = make("a", { href: URL.createObjectURL(content), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), KEPT_MS);
}

/** Copy the text of a field; tell whether the browser let us. */
async function copy(field) {
  try {
    await navigator.clipboard.writeText(field.value);
    return true;
  } catch {
    // Without HTTPS there is no clipboard but this old command.
    field.select();
    return document.execCommand("copy");
  }
}

function spanText({ from, to }) {
  return `${minuteText(new Date(from))} to ${minuteText(new Date(to))} UTC`;
}

/**
 * Make the buttons work.
 *
 * `held` returns the board, and of what is shown of it what the address keeps (address.js); `fail`
 * shows an error. The returned `drawn` draws the picture.
 */
export function makeDownloads({ held, view, lanes, fail }) {
  const say = (text) => {
    at("taken").textContent = text;
  };

  at("copy").addEventListener("click", async () => {
    const { board, shown } = held();
    const linked = lasting(shown, { from: Date.parse(board.from), to: Date.parse(board.to) });
    const field = at("link");
    field.value = pageAddress(queryOf(linked));
    field.hidden = false;
    const isCopied = await copy(field);
    field.hidden = isCopied;
    const opens = linked.span === "custom" ? spanText(linked)
      : `the last ${SPANS[linked.span]} of the time when it is opened`;
    say(isCopied ? `Link copied. It shows ${opens}.` : `Copy this link. It shows ${opens}.`);
  });

  /** What a file has: a symbol's minutes in sight, as they were known when they were shown. */
  function part() {
    const { board, shown: { symbol, zoom } } = held();
    const { from, to } = zoom ?? { from: board.from, to: board.to };
    return { symbol, from: new Date(from), to: new Date(to), known: new Date(board.known_at) };
  }

  function minutes({ symbol, from, to, known }, kind) {
    return askForFile("api/file", {
      symbol, from: from.toISOString(), to: to.toISOString(), moment: known.toISOString(), kind,
    });
  }

  function drawn() {
    const { symbol, from, to, known } = part();
    return drawPicture(view.chart, lanes, [`${symbol}, ${spanText({ from, to })}`,
      `${held().board.strip.source}, as known at ${known.toISOString().slice(0, 19)}Z`]);
  }

  function picture() {
    return new Promise((done) => {
      drawn().toBlob(done, "image/png");
    });
  }

  for (const button of at("downloads").querySelectorAll("button")) {
    button.addEventListener("click", async () => {
      const kind = button.value;
      const shown = part();
      say("one moment…");
      try {
        const name = fileName(shown, kind);
        save(await (kind === "png" ? picture() : minutes(shown, kind)), name);
        say(`Saved as ${name}.`);
      } catch (error) {
        say("Not saved.");
        fail(error);
      }
    });
  }
  return { drawn };
}
