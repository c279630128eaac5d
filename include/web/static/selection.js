// What is picked in the form: the symbol, the span, and the moment as of which it is shown.

import { make, minuteText } from "./page.js";

const MINUTE = 60_000;
// A slider moves on for a while.
const SETTLED_MS = 200;

const at = (id) => document.getElementById(id);

function floor(milliseconds) {
  return Math.floor(milliseconds / MINUTE) * MINUTE;
}

/** Pick what an address asks for (address.js). */
export function select({ symbol, span: picked, from, to, moment: known }) {
  // Whether it is one of those that are fetched shows when it is asked for.
  showSymbols([...at("symbol").options].map((option) => option.value), symbol);
  document.querySelector(`input[name=span][value="${picked}"]`).checked = true;
  at("custom").hidden = isLive();
  at("from").value = from === null ? "" : fieldText(from);
  at("to").value = to === null ? "" : fieldText(to);
  setSlider(span(), true);
  if (known !== null) {
    at("moment").value = Math.floor(known / MINUTE);
    sayMoment();
  }
}

/** List symbols to choose from; the one shown is chosen, and listed though it is not one of them. */
export function showSymbols(symbols, shown) {
  const list = at("symbol");
  const names = !shown || symbols.includes(shown) ? symbols : [shown, ...symbols];
  if ([...list.options].map((option) => option.value).join() !== names.join()) {
    list.replaceChildren(...names.map((name) => make("option", { value: name }, name)));
  }
  list.value = shown;
}

/** A moment as a field of the form has it. */
function fieldText(milliseconds) {
  return new Date(milliseconds).toISOString().slice(0, 16);
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
function sayMoment() {
  const known = moment();
  const text = known ? `${minuteText(new Date(known))} UTC` : "now";
  at("moment-text").textContent = text;
  at("moment").setAttribute("aria-valuetext", text);
}

/**
 * Call `load` whenever somebody picks something else.
 *
 * `ends` returns the ends of the span shown, {from, to}, which a custom span begins with. Returned
 * is a function that loads what is known now.
 */
export function onPicked({ load, ends }) {
  let settling = null;
  const loadAsOfNow = () => {
    setSlider(span(), true);
    load();
  };
  at("symbol").addEventListener("change", () => load());
  at("spans").addEventListener("change", () => {
    at("custom").hidden = isLive();
    if (!isLive()) {
      at("from").value ||= fieldText(ends().from);
      at("to").value ||= fieldText(ends().to);
    }
    loadAsOfNow();
  });
  at("controls").addEventListener("submit", (event) => {
    event.preventDefault();
    loadAsOfNow();
  });
  at("moment").addEventListener("input", () => {
    sayMoment();
    clearTimeout(settling);
    settling = setTimeout(() => load({ isRefresh: true }), SETTLED_MS);
  });
  return loadAsOfNow;
}
