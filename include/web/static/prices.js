// The page Prices: selection, loading, refresh and display.

import { drawLegend } from "./causes.js";
import { onTheme } from "./theme.js";
import { makeChart } from "./chart.js";
import { makeDetails } from "./details.js";
import { sizeText } from "./groups.js";
import { joined } from "./joined.js";
import { causeAt, inWords, makeLanes } from "./lanes.js";
import { airflowLink, ask, make, minuteText } from "./page.js";
import { isLive, moment, pickFromAddress, sayMoment, setSlider, span, spanPicked } from "./selection.js";
import { makeStrip } from "./strip.js";
import { showRows, showTiles } from "./tiles.js";

const MINUTE = 60_000;
const RETRY_MS = 10_000;
// However soon the next minute is due.
const LEAST_WAIT_MS = 1_000;
const NOT_FOUND = 404;
// With spaces that keep a number and its unit in one line.
const SPANS = { 1: "1\u00a0h", 24: "24\u00a0h", 168: "7\u00a0d", custom: "span shown" };
// Minutes that a refresh loads; now and then it loads all, as old minutes are revised, too.
const TAIL = 30;
const WHOLE_EVERY_MS = 10 * MINUTE;
const LONGEST_COUNTED_MS = 24 * 60 * MINUTE;

const at = (id) => document.getElementById(id);
const view = makeChart(at("chart"), (size) => {
  at("grouping").textContent = size > 1 ? `a candle is ${sizeText(size)}; zoom in for minutes` : "";
});
const strip = makeStrip(at("strip"));
const lanes = makeLanes(at("lanes"), view.chart);
const showMinute = makeDetails(at("details"));

let board = null;
let picked = null;
let wholeAt = 0;
let timer = null;
let running = null;

/** The cause of the picked minute; null without one. */
function pickedCause() {
  const ribbon = board?.ribbons.find((each) => each.symbol === board.symbol);
  return picked === null || !ribbon ? null : causeAt(ribbon, picked);
}

function show(next, keep) {
  const held = picked === null || !board ? null : Date.parse(board.from) + picked * MINUTE;
  const causeBefore = pickedCause();
  board = next;
  view.show(board, keep);
  lanes.show(board);
  const known = moment();
  strip.show(board.strip, known ? `, as known at ${minuteText(new Date(known))}`
    : isLive() ? "" : ", in a past span");
  showTiles(at("tiles"), board.tiles, SPANS[spanPicked()]);
  showRows(at("rows"), board, (place) => pick(place));
  showSymbols(board.symbols);
  const ribbon = board.ribbons.find((each) => each.symbol === board.symbol);
  const isEmpty = ribbon.causes.every(([cause]) => ["NOT_PUBLISHED", "DUE"].includes(cause));
  at("empty").hidden = !isEmpty;
  if (isEmpty) {
    at("empty").replaceChildren(make("p", {}, ...whyEmpty(known)));
  }
  const place = held === null ? null : Math.round((held - Date.parse(board.from)) / MINUTE);
  picked = place !== null && place >= 0 && place < board.candles.vwap.length ? place : null;
  view.pick(picked);
  lanes.pick(picked);
  if (picked !== null && causeBefore === "DUE" && pickedCause() !== "DUE") {
    pick(picked);
  }
  at("updated").textContent = `updated ${new Date().toISOString().slice(11, 19)} UTC`;
  at("problem").hidden = true;
}

/** What to say, and to do, where nothing of the span is published. */
function whyEmpty(known) {
  if (known) {
    const now = make("button", { type: "button" }, "Show what is known now");
    now.addEventListener("click", () => {
      setSlider(span(), true);
      load();
    });
    return [`Of ${board.symbol}, nothing of this span was known at `
      + `${minuteText(new Date(known))} UTC: it was published later, or never. `, now];
  }
  const backfill = ["past days are fetched by ",
    airflowLink("dags/backfill_prices", "backfill_prices"), "."];
  const nothing = `No minute of ${board.symbol} is published in this span`;
  if (!isLive()) {
    return [`${nothing}: `, ...backfill];
  }
  return [`${nothing}. Check that the DAGs `, airflowLink("dags/ingest_prices", "ingest_prices"),
    " and ", airflowLink("dags/average_minutes", "average_minutes"), " are on and running; ",
    ...backfill];
}

/** List symbols to choose from; of them none is chosen where the one shown is not known. */
function showSymbols(symbols, shown = board.symbol) {
  const list = at("symbol");
  const names = !shown || symbols.includes(shown) ? symbols : [shown, ...symbols];
  if ([...list.options].map((option) => option.value).join() !== names.join()) {
    list.replaceChildren(...names.map((name) => make("option", { value: name }, name)));
  }
  list.value = shown;
}

function fail(error) {
  at("problem").hidden = false;
  at("problem-text").textContent = error.message;
  at("updated").textContent = "not updated";
  if (!board) {
    at("strip").textContent = "no price";
  }
}

/**
 * Load the selection. A refresh keeps the zoom, and loads only the end where it can.
 *
 * `picks` is the moment of a minute to pick when it is there, in milliseconds.
 */
async function load(wanted = {}) {
  clearTimeout(timer);
  running?.abort();
  const mine = new AbortController();
  running = mine;
  at("board").setAttribute("aria-busy", "true");
  await showSelection(wanted, mine.signal);
  if (running === mine) {
    at("board").setAttribute("aria-busy", "false");
  }
}

async function showSelection({ isRefresh = false, picks = null }, signal) {
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
  // Of more than a day the server would read all of it anew each time.
  const isCounted = isTail && to - from <= LONGEST_COUNTED_MS;
  if (isCounted) {
    parameters.counted_from = new Date(from).toISOString();
  }
  try {
    if (!parameters.symbol) {
      const { symbols } = await ask("api/symbols", {}, signal);
      [parameters.symbol] = symbols;
    }
    const next = await ask("api/board", parameters, signal);
    const missedBefore = board?.tiles.missing_count ?? 0;
    show(isTail ? joined(board, next, from, isCounted) : next,
      isRefresh || (picks !== null && board !== null));
    if (picks !== null) {
      pick(Math.round((picks - Date.parse(board.from)) / MINUTE));
    } else if (picked !== null && !isTail) {
      // Of another symbol, or as known at another moment.
      pick(picked);
    }
    // A board of another moment is no basis for what is known now.
    wholeAt = isTail ? wholeAt : known ? 0 : Date.now();
    if (isTail && !isCounted && next.tiles.missing_count > missedBefore) {
      // A gap that the tiles do not count yet.
      wholeAt = 0;
    }
    plan(Math.max(LEAST_WAIT_MS, Date.parse(next.next_look_at) - Date.parse(next.known_at)));
  } catch (error) {
    if (error.name === "AbortError") {
      return;
    }
    fail(error);
    if (error.status === NOT_FOUND) {
      await offerSymbols(signal);
    } else {
      plan(RETRY_MS);
    }
  }
}

/** Let somebody who came with an unknown symbol choose another. */
async function offerSymbols(signal) {
  try {
    const { symbols } = await ask("api/symbols", {}, signal);
    showSymbols(symbols, "");
    at("symbol").focus();
  } catch (error) {
    if (error.name !== "AbortError") {
      fail(error);
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

function pick(place) {
  picked = Math.min(Math.max(place, 0), board.candles.vwap.length - 1);
  view.pick(picked);
  lanes.pick(picked);
  view.reveal(picked);
  const minute = new Date(Date.parse(board.from) + picked * MINUTE);
  const ribbon = board.ribbons.find((each) => each.symbol === board.symbol);
  const cause = causeAt(ribbon, picked);
  const words = inWords(cause);
  showMinute(board.symbol, minute, moment(), words.startsWith(cause) ? words : `${cause} (${words})`,
    cause === "DUE" ? dueText(minute) : "");
}

/** When a minute that is not due yet will be there. */
function dueText(minute) {
  const clock = (milliseconds) => new Date(milliseconds).toISOString().slice(11, 19);
  const known = moment();
  if (known) {
    return `This minute was not published yet at ${minuteText(new Date(known))} UTC.`;
  }
  return `This minute ended at ${clock(minute.getTime() + MINUTE)} UTC, and is not published yet: `
    + `it usually is by ${clock(Date.parse(board.next_look_at))}. It appears here by itself.`;
}

const STEPS = { ArrowLeft: -1, ArrowRight: 1, PageUp: -60, PageDown: 60 };

at("axis").addEventListener("keydown", (event) => {
  const last = board ? board.candles.vwap.length - 1 : 0;
  const step = STEPS[event.key] * (event.shiftKey ? 10 : 1);
  const places = { Home: 0, End: last };
  if (board && event.key === "0") {
    view.fit();
    return;
  }
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
  if (!board || place < 0 || place >= board.candles.vwap.length) {
    return;
  }
  if (symbol && symbol !== board.symbol) {
    // A minute is shown under its own symbol's chart, never under another's.
    at("symbol").value = symbol;
    load({ picks: Date.parse(board.from) + place * MINUTE });
  } else {
    pick(place);
  }
});
at("whole").addEventListener("click", () => view.fit());
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
load({ picks: pickFromAddress() });
