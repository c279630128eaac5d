// The causes of minutes: Okabe and Ito's colours, with a height and a pattern for those who cannot
// tell the colours apart.

import { colour } from "./theme.js";

// Drawn in the colour of silence: that of a minute without a row is too pale for an outline.
const OUTLINED = { NOT_PUBLISHED: "NO_TRADES", DUE: "NO_TRADES" };

export const CAUSES = {
  OK: { height: 0.4, pattern: "solid", words: "OK: all seconds" },
  PARTIAL: { height: 0.7, pattern: "slash", words: "partial: some seconds missing" },
  NO_TRADES: { height: 0.4, pattern: "dots", words: "no trades" },
  HALTED: { height: 0.7, pattern: "bars", words: "trading halted" },
  EXCHANGE_OUTAGE: { height: 1, pattern: "cross", words: "exchange outage" },
  SOURCE_GAP: { height: 1, pattern: "backslash", words: "source gap" },
  INGEST_GAP: { height: 1, pattern: "solid", words: "not fetched by us" },
  NOT_PUBLISHED: { height: 1, pattern: "outline", words: "not published" },
  DUE: { height: 0.15, pattern: "solid", words: "not due yet" },
};

// What a minute can have besides its cause: its lane's name, its mark, its words in the legend.
export const MARKS = [
  { lane: "flags", mark: "▲", words: "flag", field: "soft_flags", hue: "flagged" },
  { lane: "revised", mark: "●", words: "revised", field: "revisions", hue: "revised" },
  { lane: "restated", mark: "◆", words: "restated", field: "restatements", hue: "restated" },
  { mark: "○", words: "filled value" },
];

/** Draw one run of a cause into a row. */
export function paint(context, name, x, y, width, height) {
  const cause = CAUSES[name] || CAUSES.NOT_PUBLISHED;
  const tall = Math.max(2, Math.round(height * cause.height));
  const top = y + height - tall;
  context.save();
  context.beginPath();
  context.rect(x, top, width, tall);
  context.clip();
  context.fillStyle = context.strokeStyle = colour(OUTLINED[name] ?? name);
  if (cause.pattern === "outline") {
    context.lineWidth = 2;
    context.strokeRect(x, top, width, tall);
  } else {
    context.globalAlpha = cause.pattern === "solid" ? 1 : 0.35;
    context.fillRect(x, top, width, tall);
    context.globalAlpha = 1;
    hatch(context, cause.pattern, x, top, width, tall);
  }
  context.restore();
}

function hatch(context, pattern, x, y, width, height) {
  context.lineWidth = 1.5;
  context.beginPath();
  // From a fixed grid, so that neighbours fit.
  for (let at = Math.floor((x - height) / 5) * 5; at < x + width; at += 5) {
    if (pattern === "slash" || pattern === "cross") {
      context.moveTo(at, y + height);
      context.lineTo(at + height, y);
    }
    if (pattern === "backslash" || pattern === "cross") {
      context.moveTo(at, y);
      context.lineTo(at + height, y + height);
    }
    if (pattern === "bars") {
      context.moveTo(at, y);
      context.lineTo(at, y + height);
    }
    if (pattern === "dots") {
      context.rect(at, y + height / 2 - 1, 1.5, 1.5);
    }
  }
  context.stroke();
}
