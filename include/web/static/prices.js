// The page Prices: selection, loading, refresh and display.

import { drawLegend } from "./causes.js";
import { onTheme } from "./theme.js";
import { makeChart } from "./chart.js";
import { makeDetails } from "./details.js";
import { joined } from "./joined.js";
import { causeAt, inWords, makeLanes } from "./lanes.js";
import { airflowLink, ask, make, minuteText } from "./page.js";
import { showRows, showTiles } from "./tiles.js";

const MINUTE = 60_000;
// After the minute's end, by as long as a publication usually takes.
const REFRESH_AFTER_MS = 13_000;
const RETRY_MS = 10_000;
// Minutes that a refresh loads; now and then it loads all, as old minutes are revised, too.
const TAIL = 30;
const WHOLE_EVERY_MS = 10 * MINUTE;

const at = (id) => document.getElementById(id);
const view = makeChart(at("chart"));
const lanes = makeLanes(at("lanes"), view.chart);
const showMinute = makeDetails(at("details"));

let board = null;
let picked = null;
let wholeAt = 0;
let timer = null;
let running = null;

function floor(milliseconds) {
  return Math.floor(milliseconds / MINUTE) * MINUTE;
}

/** The span picked: {from, to} in milliseconds. */
function span() {
  const value = document.querySelector("input[name=span]:checked").value;
  if (value === "custom") {
    return { from: Date.parse(`${at("from").value}Z`), to: Date.parse(`${at("to").value}Z`) };
  }
  const to = floor(Date.now());
  return { from: to - Number(value) * 60 * MINUTE, to };
}

function isLive() {
  return document.querySelector("input[name=span]:checked").value !== "custom";
}

/** The moment of the slider as ISO 8601; null for now. */
function moment() {
  const slider = at("moment");
  return slider.value === slider.max ? null : new Date(Number(slider.value) * MINUTE).toISOString();
}

function setSlider({ from, to }, isMoved) {
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

function sayMoment() {
  const known = moment();
  const text = known ? `${minuteText(new Date(known))} UTC` : "now";
  at("moment-text").value = text;
  at("moment").setAttribute("aria-valuetext", text);
}

function show(next, keep) {
  const held = picked === null || !board ? null : Date.parse(board.from) + picked * MINUTE;
  board = next;
  view.show(board, keep);
  lanes.show(board);
  showTiles(at("tiles"), board.tiles);
  showRows(at("rows"), board, (place) => pick(place));
  showSymbols(board.symbols);
  const ribbon = board.ribbons.find((each) => each.symbol === board.symbol);
  const isEmpty = ribbon.causes.every(([cause]) => ["NOT_PUBLISHED", "DUE"].includes(cause));
  at("empty").hidden = !isEmpty;
  if (isEmpty) {
    at("empty").replaceChildren(make("p", {}, `No minute of ${board.symbol} is published in this `
      + "span. Check that the DAGs ", airflowLink("dags/ingest_prices", "ingest_prices"), " and ",
    airflowLink("dags/average_minutes", "average_minutes"), " are on and running; past days are "
      + "fetched by ", airflowLink("dags/backfill_prices", "backfill_prices"), "."));
  }
  const place = held === null ? null : Math.round((held - Date.parse(board.from)) / MINUTE);
  picked = place !== null && place >= 0 && place < board.candles.vwap.length ? place : null;
  view.pick(picked);
  lanes.pick(picked);
  at("updated").textContent = `updated ${new Date().toISOString().slice(11, 19)} UTC`;
  at("problem").hidden = true;
}

function showSymbols(symbols) {
  const list = at("symbol");
  const names = symbols.includes(board.symbol) ? symbols : [board.symbol, ...symbols];
  if ([...list.options].map((option) => option.value).join() !== names.join()) {
    list.replaceChildren(...names.map((name) => make("option", { value: name }, name)));
  }
  list.value = board.symbol;
}

function fail(error) {
  at("problem").hidden = false;
  at("problem-text").textContent = error.message;
  at("updated").textContent = "not updated";
}

/** Load the selection. A refresh keeps the zoom, and loads only the end where it can. */
async function load({ isRefresh = false } = {}) {
  clearTimeout(timer);
  running?.abort();
  running = new AbortController();
  const { signal } = running;
  const { from, to } = span();
  if (Number.isNaN(from) || Number.isNaN(to)) {
    fail(new Error("fill in both ends of the span, then press Show"));
    return;
  }
  setSlider({ from, to }, false);
  const known = moment();
  const isTail = isRefresh && board && !known && Date.now() - wholeAt < WHOLE_EVERY_MS
    && to - from > TAIL * MINUTE && Date.parse(board.to) >= to - TAIL * MINUTE;
  const parameters = {
    symbol: at("symbol").value || new URLSearchParams(location.search).get("symbol") || "",
    from: new Date(isTail ? to - TAIL * MINUTE : from).toISOString(),
    to: new Date(to).toISOString(),
  };
  if (known) {
    parameters.moment = known;
  }
  try {
    if (!parameters.symbol) {
      const { symbols } = await ask("api/symbols", {}, signal);
      [parameters.symbol] = symbols;
    }
    const next = await ask("api/board", parameters, signal);
    show(isTail ? joined(board, next, from) : next, isRefresh);
    if (picked !== null && !isTail) {
      // Of another symbol, or as known at another moment.
      pick(picked);
    }
    // A board of another moment is no basis for what is known now.
    wholeAt = isTail ? wholeAt : known ? 0 : Date.now();
    plan(MINUTE - (Date.now() - REFRESH_AFTER_MS) % MINUTE);
  } catch (error) {
    if (error.name !== "AbortError") {
      fail(error);
      plan(RETRY_MS);
    }
  }
}

/** Load again after a while, unless nobody looks or what is shown cannot change. */
function plan(milliseconds) {
  clearTimeout(timer);
  if (!document.hidden && ((isLive() && !moment()) || !at("problem").hidden)) {
    timer = setTimeout(() => load({ isRefresh: board !== null }), milliseconds);
  }
}

function pick(place, symbol = board.symbol) {
  picked = Math.min(Math.max(place, 0), board.candles.vwap.length - 1);
  view.pick(picked);
  lanes.pick(picked);
  view.reveal(picked);
  const minute = new Date(Date.parse(board.from) + picked * MINUTE);
  const ribbon = board.ribbons.find((each) => each.symbol === symbol);
  const cause = causeAt(ribbon, picked);
  const words = inWords(cause);
  showMinute(symbol, minute, moment(), words.startsWith(cause) ? words : `${cause} (${words})`);
}

const STEPS = { ArrowLeft: -1, ArrowRight: 1, PageUp: -60, PageDown: 60 };

at("axis").addEventListener("keydown", (event) => {
  const last = board ? board.candles.vwap.length - 1 : 0;
  const step = STEPS[event.key] * (event.shiftKey ? 10 : 1);
  const places = { Home: 0, End: last };
  if (!board || (!step && places[event.key] === undefined)) {
    return;
  }
  event.preventDefault();
  pick(step ? (picked ?? (step < 0 ? last + 1 : last)) + step : places[event.key]);
});
view.chart.subscribeClick((event) => {
  if (board && event.logical !== undefined) {
    pick(Math.round(event.logical));
  }
});
at("lanes").addEventListener("click", (event) => {
  const { place, symbol } = lanes.at(event);
  if (board && place >= 0 && place < board.candles.vwap.length) {
    pick(place, symbol || board.symbol);
  }
});
at("symbol").addEventListener("change", () => load());
at("spans").addEventListener("change", () => {
  const isCustom = !isLive();
  at("custom").hidden = !isCustom;
  if (isCustom) {
    at("from").value ||= new Date(Date.parse(board?.from ?? Date.now())).toISOString().slice(0, 16);
    at("to").value ||= new Date(Date.parse(board?.to ?? Date.now())).toISOString().slice(0, 16);
  }
  setSlider(span(), true);
  load();
});
at("controls").addEventListener("submit", (event) => {
  event.preventDefault();
  setSlider(span(), true);
  load();
});
let settling = null;
at("moment").addEventListener("input", () => {
  sayMoment();
  clearTimeout(settling);
  settling = setTimeout(() => load({ isRefresh: true }), 200);
});
at("again").addEventListener("click", () => load({ isRefresh: board !== null }));
document.addEventListener("visibilitychange", () => {
  clearTimeout(timer);
  if (!document.hidden) {
    load({ isRefresh: board !== null });
  }
});

drawLegend(at("legend"), make);
onTheme(() => drawLegend(at("legend"), make));
load();
