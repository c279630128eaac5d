// What to say where a minute, or a whole span, has nothing to show.

import { airflowLink, make, minuteText } from "./page.js";

const MINUTE = 60_000;

/**
 * Explain in a section why nothing of a board's symbol is published, and what to do.
 *
 * `known` is the moment as of which it is shown, null for now; `showNow` shows what is known now.
 */
export function explainEmpty(section, board, options) {
  const ribbon = board.ribbons.find((each) => each.symbol === board.symbol);
  section.hidden = !ribbon.causes.every(([cause]) => ["NOT_PUBLISHED", "DUE"].includes(cause));
  section.replaceChildren(
    ...(section.hidden ? [] : [make("p", {}, ...whyEmpty(board.symbol, options))]));
}

function whyEmpty(symbol, { known, isLive, showNow }) {
  if (known) {
    const now = make("button", { type: "button" }, "Show what is known now");
    now.addEventListener("click", showNow);
    return [`Of ${symbol}, nothing of this span was known at `
      + `${minuteText(new Date(known))} UTC: it was published later, or never. `, now];
  }
  const backfill = ["past days are fetched by ",
    airflowLink("dags/backfill_prices", "backfill_prices"), "."];
  const nothing = `No minute of ${symbol} is published in this span`;
  if (!isLive) {
    return [`${nothing}: `, ...backfill];
  }
  return [`${nothing}. Check that the DAGs `, airflowLink("dags/ingest_prices", "ingest_prices"),
    " and ", airflowLink("dags/average_minutes", "average_minutes"), " are on and running; ",
    ...backfill];
}

/** When a minute that is not due yet will be there; `nextLookAt` is when it usually is. */
export function dueText(minute, known, nextLookAt) {
  const clock = (milliseconds) => new Date(milliseconds).toISOString().slice(11, 19);
  if (known) {
    return `This minute was not published yet at ${minuteText(new Date(known))} UTC.`;
  }
  return `This minute ended at ${clock(minute.getTime() + MINUTE)} UTC, and is not published yet: `
    + `it usually is by ${clock(Date.parse(nextLookAt))}. It appears here by itself.`;
}
