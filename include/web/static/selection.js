// What is picked in the form: the span, and the moment as of which it is shown.

import { minuteText } from "./page.js";

const MINUTE = 60_000;
const DAY = 1440 * MINUTE;
// A minute of the address is shown in the span that is picked at first, if it is in it for a while.
const IN_FIRST_SPAN_MS = 23 * 60 * MINUTE;

const at = (id) => document.getElementById(id);

function floor(milliseconds) {
  return Math.floor(milliseconds / MINUTE) * MINUTE;
}

/** The value of the span picked: hours, or custom. */
export function spanPicked() {
  return document.querySelector("input[name=span]:checked").value;
}

/** The span picked: {from, to} in milliseconds. */
export function span() {
  const value = spanPicked();
  if (value === "custom") {
    return { from: Date.parse(`${at("from").value}Z`), to: Date.parse(`${at("to").value}Z`) };
  }
  const to = floor(Date.now());
  return { from: to - Number(value) * 60 * MINUTE, to };
}

function pickCustom(from, to) {
  document.querySelector("input[name=span][value=custom]").checked = true;
  at("custom").hidden = false;
  at("from").value = new Date(from).toISOString().slice(0, 16);
  at("to").value = new Date(to).toISOString().slice(0, 16);
}

/**
 * Pick what the address names: a span (from and to), or a minute, which is returned; else null.
 *
 * Moments are ISO 8601 with a zone; one that cannot be read is as if it were not there.
 */
export function pickFromAddress() {
  const asked = new URLSearchParams(location.search);
  const [from, to, minute] = ["from", "to", "minute"].map((name) => Date.parse(asked.get(name)));
  if (from < to) {
    pickCustom(from, to);
  } else if (Date.now() - minute > IN_FIRST_SPAN_MS) {
    const day = Math.floor(minute / DAY) * DAY;
    pickCustom(day, day + DAY);
  }
  return Number.isNaN(minute) ? null : floor(minute);
}

/** Whether the span follows the clock. */
export function isLive() {
  return spanPicked() !== "custom";
}

/** The moment of the slider as ISO 8601; null for now. */
export function moment() {
  const slider = at("moment");
  return slider.value === slider.max ? null : new Date(Number(slider.value) * MINUTE).toISOString();
}

/** Fit the slider to a span; to its right end, now, where it was there or the span is another. */
export function setSlider({ from, to }, isMoved) {
  const slider = at("moment");
  const wasNow = slider.value === slider.max;
  slider.min = Math.floor(from / MINUTE);
  // Revisions come after their minutes: the slider goes on to now.
  slider.max = Math.max(Math.ceil(Date.now() / MINUTE), Math.floor(to / MINUTE));
  if (wasNow || isMoved) {
    slider.value = slider.max;
  }
  sayMoment();
}

/** Write the moment beside its slider. */
export function sayMoment() {
  const known = moment();
  const text = known ? `${minuteText(new Date(known))} UTC` : "now";
  at("moment-text").value = text;
  at("moment").setAttribute("aria-valuetext", text);
}
