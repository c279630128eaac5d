// The page Prices: selection, loading, refresh and display.

import { keepAddress, onStep, readAddress } from "./address.js";
import { boardRequest } from "./board_request.js";
import { makeChart } from "./chart.js";
import { makeDetails } from "./details.js";
import { makeDownloads } from "./downloads.js";
import { dueText, explainEmpty } from "./explanations.js";
import { sizeText } from "./groups.js";
import { joined } from "./joined.js";
import { listenToKeys } from "./keys.js";
import { causeAt, makeLanes } from "./lanes.js";
import { makeLegend } from "./legend.js";
import { makeNews } from "./news.js";
import { ask, make, minuteText } from "./page.js";
import {
  isLive, moment, onPicked, select, setSlider, showSymbols, span, spanPicked,
} from "./selection.js";
import { makeStrip } from "./strip.js";
import { onPrint } from "./theme.js";
import { showRows, showTiles } from "./tiles.js";
import { wordsOf } from "./words.js";

const MINUTE = 60_000;
const RETRY_MS = 10_000;
// A wheel turns on for a while.
const SETTLED_MS = 250;
// However soon the next minute is due.
const LEAST_WAIT_MS = 1_000;
const [NOT_VALID, NOT_FOUND] = [400, 404];
// With spaces that keep a number and its unit in one line.
const SPANS = { 1: "1\u00a0h", 24: "24\u00a0h", 168: "7\u00a0d", custom: "span shown" };

const at = (id) => document.getElementById(id);
const view = makeChart(at("chart"), (size) => {
  at("grouping").textContent = size > 1 ? `a candle is ${sizeText(size)}; zoom in for minutes` : "";
});
const strip = makeStrip(at("strip"));
const lanes = makeLanes(at("lanes"), view.chart);
const details = makeDetails(at("details"));
const news = makeNews(at("news"));

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
  const held = picked === null || !board ? null : minuteAt(picked);
  const causeBefore = pickedCause();
  board = next;
  view.show(board, keep);
  lanes.show(board);
  const known = moment();
  strip.show(board.strip, known ? `, as known at ${minuteText(new Date(known))}`
    : isLive() ? "" : ", in a past span");
  showTiles(at("tiles"), board.tiles, SPANS[spanPicked()]);
  showRows(at("rows"), board, (place) => pick(place));
  showSymbols(board.symbols, board.symbol);
  explainEmpty(at("empty"), board, {
    known,
    isLive: isLive(),
    showNow: () => loadAsOfNow(),
  });
  const place = held === null ? null : placeOf(held);
  picked = place !== null && place >= 0 && place < board.candles.vwap.length ? place : null;
  view.pick(picked);
  lanes.pick(picked);
  if (picked !== null && causeBefore === "DUE" && pickedCause() !== "DUE") {
    pick(picked);
  }
  news.follow(board, keep);
  at("updated").textContent = `updated ${new Date().toISOString().slice(11, 19)} UTC`;
  at("problem").hidden = true;
  at("take").disabled = false;
}

/** The start of a minute of the board, in milliseconds. */
function minuteAt(place) {
  return Date.parse(board.from) + place * MINUTE;
}

function placeOf(milliseconds) {
  return Math.round((milliseconds - Date.parse(board.from)) / MINUTE);
}

/** What the address keeps of what is shown. */
function shown() {
  const part = view.zoomed();
  const known = moment();
  return {
    symbol: board.symbol,
    span: spanPicked(),
    ...span(),
    moment: known && Date.parse(known),
    minute: picked === null ? null : minuteAt(picked),
    zoom: part && { from: minuteAt(part.from), to: minuteAt(part.to) },
  };
}

function keep() {
  if (board && at("board").getAttribute("aria-busy") === "false") {
    keepAddress(shown());
  }
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
 * `picks` is the moment of a minute to pick when it is there, in milliseconds; `zoom` the part of the
 * span to show, without which the zoom is kept where a minute is picked.
 */
async function load(wanted = {}) {
  clearTimeout(timer);
  running?.abort();
  const mine = new AbortController();
  running = mine;
  at("board").setAttribute("aria-busy", "true");
  const isShown = await showSelection(wanted, mine.signal);
  if (running === mine) {
    at("board").setAttribute("aria-busy", "false");
    if (isShown) {
      keep();
    }
  }
}

/** Tell whether it is shown. */
async function showSelection({ isRefresh = false, picks = null, zoom }, signal) {
  const { from, to } = span();
  if (Number.isNaN(from) || Number.isNaN(to)) {
    fail(new Error("fill in both ends of the span, then press Show"));
    return false;
  }
  setSlider({ from, to }, false);
  const known = moment();
  const { parameters, isTail, isCounted } = boardRequest(
    { symbol: at("symbol").value, from, to, known, isRefresh, board, wholeAt });
  try {
    if (!parameters.symbol) {
      const { symbols } = await ask("api/symbols", {}, signal);
      [parameters.symbol] = symbols;
    }
    const next = await ask("api/board", parameters, signal);
    const missedBefore = board?.tiles.missing_count ?? 0;
    const keepsZoom = isRefresh || (picks !== null && zoom === undefined);
    show(isTail ? joined(board, next, from, isCounted) : next, keepsZoom);
    if (zoom) {
      view.zoom({ from: placeOf(zoom.from), to: placeOf(zoom.to) });
    }
    if (picks !== null && placeOf(picks) < board.candles.vwap.length) {
      pick(placeOf(picks));
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
    return true;
  } catch (error) {
    if (error.name !== "AbortError") {
      fail(error);
      if (error.status === NOT_FOUND || (error.status === NOT_VALID && !board)) {
        await offerSymbols(parameters.symbol, signal);
      } else if (error.status !== NOT_VALID) {
        plan(RETRY_MS);
      }
    }
    return false;
  }
}

/** Let somebody who came with an unknown symbol choose another. */
async function offerSymbols(asked, signal) {
  try {
    const { symbols } = await ask("api/symbols", {}, signal);
    const isKnown = symbols.includes(asked);
    showSymbols(symbols, isKnown ? asked : "");
    if (!isKnown) {
      at("symbol").focus();
    }
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
  const minute = new Date(minuteAt(picked));
  const cause = pickedCause();
  news.pick(board.symbol, minute, board.candles.vwap[picked], wordsOf(cause));
  details.show(board.symbol, minute, moment(), cause,
    cause === "DUE" ? dueText(minute, moment(), board.next_look_at) : "");
  keep();
}

listenToKeys(at("axis"), {
  held: () => ({ count: board?.candles.vwap.length ?? 0, picked }),
  pick,
  fit: view.fit,
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
const loadAsOfNow = onPicked({
  load,
  ends: () => ({
    from: Date.parse(board?.from) || Date.now(), to: Date.parse(board?.to) || Date.now(),
  }),
});
at("again").addEventListener("click", () => load({ isRefresh: board !== null }));
document.addEventListener("visibilitychange", () => {
  clearTimeout(timer);
  if (!document.hidden) {
    load({ isRefresh: board !== null });
  }
});

let zooming = null;
view.chart.timeScale().subscribeVisibleLogicalRangeChange(() => {
  clearTimeout(zooming);
  zooming = setTimeout(keep, SETTLED_MS);
});

/** Show what the address asks for, and say what of it makes no sense. */
function follow() {
  const { problems, minute, zoom, ...wish } = readAddress(location.search, Date.now());
  select(wish);
  note(problems);
  picked = null;
  details.clear();
  load({ picks: minute, zoom });
}

function note(problems) {
  at("noted").hidden = !problems.length;
  at("noted").replaceChildren(...problems.map((text) => make("p", {}, text)));
}

at("controls").addEventListener("input", () => note([]));
const { drawn } = makeDownloads({ held: () => ({ board, shown: shown() }), view, lanes, fail });
// Its canvases do not follow the width of paper.
onPrint(() => board && at("printed").replaceChildren(drawn()));

makeLegend(at("legend"));
onStep(follow);
follow();
