// The line above every page: where the prices come from and how old the newest is. It counts on
// from the server's answer, so a wrong clock of this computer changes nothing; the words, limits
// and levels are those of include/records/price_strip.py.

import { ask } from "./page.js";

const ASK_EVERY_MS = 15_000;
const UNITS = [[86_400, "d"], [3_600, "h"], [60, "min"]];

/** A duration in its largest unit of which there are two or more. */
export function durationText(seconds) {
  const unit = UNITS.find(([length]) => seconds >= 2 * length);
  return unit ? `${Math.floor(seconds / unit[0])} ${unit[1]}` : `${Math.floor(seconds)} s`;
}

/** Make the line in an element. */
export function makeStrip(element) {
  let held = null;
  let heldAt = 0;
  let note = "";

  function draw() {
    if (!held) {
      return;
    }
    // What was asked of the past grows no older.
    const passed = note ? 0 : (performance.now() - heldAt) / 1000;
    const age = held.age_seconds === null ? null : held.age_seconds + passed;
    const level = age === null || age >= held.stale_after_seconds ? "stale"
      : age >= held.late_after_seconds ? "late" : "fresh";
    element.className = note ? "strip" : `strip ${level}`;
    const words = age === null ? "no price"
      : `price of ${held.minute_text}, ${durationText(age)} old`;
    const text = `${held.source} · ${words}${note}`;
    if (element.textContent !== text) {
      element.textContent = text;
    }
  }

  setInterval(draw, 1000);

  function show(strip, pastNote = "") {
    held = strip;
    heldAt = performance.now();
    note = pastNote;
    draw();
  }

  return {
    /** Show a strip; with a note it is of the past: it neither counts on nor warns. */
    show,
    /** Ask an address for it, now and then. */
    async follow(address) {
      try {
        show(await ask(address));
      } catch {
        // The page itself says what is wrong; the age goes on counting.
      }
      setTimeout(() => this.follow(address), ASK_EVERY_MS);
    },
  };
}
