// The tiles, and the table of the last minutes.

import { causeAt } from "./lanes.js";
import { make, minuteText } from "./page.js";
import { exactText, priceText } from "./price_text.js";
import { shownCodes } from "./words.js";

const LISTED = 60;

/** A price for reading; all its digits are in its title. */
function price(text) {
  return make("span", { title: text }, priceText(text));
}

function percent(text, places) {
  return `${(Number(text) * 100).toFixed(places)} %`;
}

function clock(text) {
  return minuteText(new Date(text)).slice(11);
}

/** A minute of maybe another day: with its date where it is not of this one. */
function since(text, today) {
  return text.slice(0, 10) === today.slice(0, 10) ? clock(text)
    : minuteText(new Date(text)).slice(5);
}

function tile(id, title, value, ...notes) {
  return make("div", { id: `tile-${id}`, "data-testid": `tile-${id}` }, make("dt", {}, title),
    make("dd", { class: "value" }, value),
    ...notes.filter(Boolean).map((note) => make("dd", { class: "note" }, note)));
}

/** A share with six decimals as a percentage that is never rounded up: 100 % means that nothing is missing. */
function share(text) {
  const millionths = Number(text.replace(".", ""));
  return `${(Math.floor(millionths / 100) / 100).toFixed(2)} %`;
}

/** Show a board's tiles, which count what is within the span of this name. */
export function showTiles(list, tiles, span) {
  const { last } = tiles;
  const change = last && last.change_ratio !== null ? Number(last.change_ratio) : null;
  // A change too small to show is no change.
  const isChanged = change !== null && Math.abs(change) >= 0.00005;
  const sign = !isChanged ? "" : change > 0 ? "▲ +" : "▼ ";
  list.replaceChildren(
    tile("vwap", "Last VWAP", last ? price(last.vwap) : "none",
      last && `of ${clock(last.minute)} UTC`,
      change !== null && `${sign}${percent(isChanged ? last.change_ratio : "0", 2)} since ${since(last.since, last.minute)}`),
    tile("grade", "Grade", last && last.grade ? last.grade : "none",
      last && last.quality !== null && `quality ${last.quality} of 100`),
    tile("completeness", `Completeness, ${span}`,
      tiles.completeness_ratio === null ? "none" : share(tiles.completeness_ratio),
      tiles.counted_from && `${tiles.missing_count} missing since ${since(tiles.counted_from, last?.minute ?? "")}`),
    tile("delay", `Publish delay p95, ${span}`,
      tiles.p95_delay_seconds === null ? "none" : `${Number(tiles.p95_delay_seconds).toFixed(1)} s`,
      `to the first value; ${tiles.late_count} late`,
      tiles.gap_first_count > 0 && `${tiles.gap_first_count} were a gap first`,
      tiles.afterwards_count > 0 && `${tiles.afterwards_count} filled in afterwards`),
    tile("weight", "Weight used, last minute",
      tiles.used_weight === null ? "none" : String(tiles.used_weight),
      tiles.weight_limit !== null && `of ${exactText(String(tiles.weight_limit))}`),
    tile("restated", `Restatements, ${span}`, String(tiles.restated_count),
      `${tiles.revised_count} minutes revised`),
  );
}

/** List the last minutes of a board, newest first. */
export function showRows(body, board, pick) {
  const { candles } = board;
  const ribbon = board.ribbons.find((each) => each.symbol === board.symbol);
  const flags = new Map(board.soft_flags);
  const revisions = new Map(board.revisions.map(([place, revision]) => [place, revision]));
  const filled = new Map(board.filled);
  const start = Date.parse(board.from);
  const count = candles.vwap.length;
  const number = (text) => make("td", { class: "number" }, text === null ? "" : price(text));
  const rows = [];
  for (let place = count - 1; place >= Math.max(0, count - LISTED); place -= 1) {
    const button = make("button", { type: "button" }, minuteText(new Date(start + place * 60000)));
    button.addEventListener("click", () => pick(place));
    const vwap = candles.vwap[place];
    rows.push(make("tr", {}, make("th", { scope: "row" }, button),
      vwap === null && filled.has(place)
        ? make("td", { class: "number" }, "○ ", price(filled.get(place))) : number(vwap),
      number(candles.open[place]), number(candles.high[place]), number(candles.low[place]),
      number(candles.close[place]), make("td", {}, ...shownCodes(causeAt(ribbon, place))),
      make("td", { class: "number" }, String(candles.quality[place] ?? "")),
      make("td", {}, ...shownCodes(flags.get(place) || "")),
      make("td", { class: "number" }, String(revisions.get(place) || (vwap === null ? "" : 1)))));
  }
  body.replaceChildren(...rows);
}
