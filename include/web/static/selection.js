// What is picked in the form: the span, and the moment as of which it is shown.

import { minuteText } from "./page.js";

const MINUTE = 60_000;

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
