// The causes of minutes: Okabe and Ito's colours, with a height and a pattern for those who cannot
// tell the colours apart.

import { colour } from "./theme.js";

// Drawn in the colour of silence: that of a minute without a row is too pale for an outline.
const OUTLINED = { NOT_PUBLISHED: "NO_TRADES", DUE: "NO_TRADES" };

const SHAPES = {
  OK: { height: 0.4, pattern: "solid" },
  PARTIAL: { height: 0.7, pattern: "slash" },
  NO_TRADES: { height: 0.4, pattern: "dots" },
  HALTED: { height: 0.7, pattern: "bars" },
  EXCHANGE_OUTAGE: { height: 1, pattern: "cross" },
  SOURCE_GAP: { height: 1, pattern: "backslash" },
  INGEST_GAP: { height: 1, pattern: "solid" },
  NOT_PUBLISHED: { height: 1, pattern: "outline" },
  DUE: { height: 0.15, pattern: "solid" },
};

// What a minute can have besides its cause: its lane's name, its mark, its words and meaning.
export const MARKS = [
  {
    lane: "flags", mark: "▲", field: "soft_flags", words: "soft flag",
    meaning: "something about the minute is unusual; nothing is dropped for that",
  },
  {
    lane: "revised", mark: "●", field: "revisions", words: "revised",
    meaning: "published more than once; the last revision is shown",
  },
  {
    lane: "restated", mark: "◆", field: "restatements", words: "restated",
    meaning: "its value changed after it was final",
  },
  {
    mark: "○", words: "filled value",
    meaning: "the last value, at most five minutes old, where a minute has none of its own",
  },
];

/** Draw one run of a cause into a row. */
export function paint(context, name, x, y, width, height) {
  const cause = SHAPES[name] ?? SHAPES.NOT_PUBLISHED;
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
