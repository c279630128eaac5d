// What the page Prices shows as one picture, with what it takes to read it away from its page.

import { MARKS, paint } from "./causes.js";
import { colour } from "./theme.js";
import { CAUSES } from "./vocabulary.js";

const EDGE = 12;
const LINE = 18;
const SWATCH = { width: 18, height: 14 };
const FONT = "11px system-ui, sans-serif";

/** Put the legend's entries into lines of a width: [entry, x, line], and the number of lines. */
function laidOut(entries, width, measure) {
  let [x, line] = [0, 0];
  const places = entries.map((entry) => {
    const wide = (entry.cause ? SWATCH.width + 6 : 0) + measure(entry.words) + 14;
    if (x > 0 && x + wide > width) {
      [x, line] = [0, line + 1];
    }
    const place = [entry, x, line];
    x += wide;
    return place;
  });
  return { places, count: line + 1 };
}

/**
 * Draw a chart and its lanes below a heading and notes, and above the legend.
 *
 * The lanes are drawn anew at the chart's own width: on paper that of the page is another.
 */
export function drawPicture(chart, lanes, [heading, ...notes]) {
  const scale = window.devicePixelRatio || 1;
  const candles = chart.takeScreenshot(true);
  const [width, candlesHeight] = [candles.width / scale, candles.height / scale];
  const ribbons = document.createElement("canvas");
  lanes.drawOn(ribbons, width);
  const lanesHeight = ribbons.height / scale;
  const picture = document.createElement("canvas");
  const context = picture.getContext("2d");
  context.font = FONT;
  const legend = laidOut(
    [...CAUSES.map(({ code, words }) => ({ cause: code, words })),
      ...MARKS.map(({ mark, words }) => ({ words: `${mark} ${words}` }))],
    width, (text) => context.measureText(text).width);
  const top = EDGE + (1 + notes.length) * LINE;
  const below = top + candlesHeight + lanesHeight + EDGE;
  picture.width = Math.round((width + 2 * EDGE) * scale);
  picture.height = Math.round((below + legend.count * LINE + EDGE) * scale);
  context.scale(scale, scale);
  context.fillStyle = colour("card");
  context.fillRect(0, 0, picture.width, picture.height);
  context.textBaseline = "middle";
  [heading, ...notes].forEach((text, line) => {
    context.font = line ? FONT : "600 14px system-ui, sans-serif";
    context.fillStyle = colour(line ? "soft" : "ink");
    context.fillText(text, EDGE, EDGE + (line + 0.4) * LINE, width);
  });
  context.drawImage(candles, EDGE, top, width, candlesHeight);
  context.drawImage(ribbons, EDGE, top + candlesHeight, width, lanesHeight);
  context.font = FONT;
  for (const [{ cause, words }, x, line] of legend.places) {
    const [left, y] = [EDGE + x, below + line * LINE];
    if (cause) {
      paint(context, cause, left, y, SWATCH.width, SWATCH.height);
    }
    context.fillStyle = colour("ink");
    context.fillText(words, left + (cause ? SWATCH.width + 6 : 0), y + SWATCH.height / 2);
  }
  return picture;
}
