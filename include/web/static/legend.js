// The legend of causes and marks, drawn as the lanes draw them.

import { MARKS, paint } from "./causes.js";
import { make } from "./page.js";
import { onTheme } from "./theme.js";
import { CAUSES } from "./vocabulary.js";

/** A sample of how the lanes draw a cause. */
export function swatchOf(cause) {
  const swatch = make("canvas", { width: "36", height: "28", "aria-hidden": "true" });
  swatch.style.width = "18px";
  swatch.style.height = "14px";
  const context = swatch.getContext("2d");
  context.scale(2, 2);
  paint(context, cause, 0, 0, 18, 14);
  return swatch;
}

/** Fill a list, and keep its colours those of the page. */
export function makeLegend(list) {
  const draw = () => list.replaceChildren(
    ...CAUSES.map(({ code, words, meaning }) => make("li", { title: `${code}: ${meaning}` },
      swatchOf(code), words)),
    ...MARKS.map(({ mark, words, meaning }) => make("li", { title: meaning }, `${mark} ${words}`)));
  draw();
  onTheme(draw);
}
