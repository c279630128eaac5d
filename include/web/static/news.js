// The one line that a screen reader reads out by itself: the minute that is new, or the one picked.

import { priceText } from "./price_text.js";

function lineOf(symbol, time, vwap, words) {
  return `${symbol}, ${time} UTC: ${vwap === null ? "no value" : priceText(vwap)}${words}`;
}

/** Make it in an element. */
export function makeNews(element) {
  let newest = "";
  return {
    /** Read out a board's newest price, if it is another one than that of the board before. */
    follow({ symbol, tiles: { last } }, isRefresh) {
      const line = last ? lineOf(symbol, last.minute.slice(11, 16), last.vwap, "") : "";
      if (isRefresh && line !== newest) {
        element.textContent = line;
      }
      newest = line;
    },
    /** Read out a minute that is picked, a Date, with the words of its cause. */
    pick(symbol, minute, vwap, words) {
      element.textContent = lineOf(symbol, minute.toISOString().slice(11, 16), vwap, `, ${words}`);
    },
  };
}
