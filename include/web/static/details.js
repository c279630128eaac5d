// The panel of one minute: its revisions, what failed, and where to look further.

import {
  airflowLink, ask, batchResults, make, minuteText, resultLink, root, wideTable,
} from "./page.js";
import { exactText } from "./price_text.js";
import { explained, wordsOf } from "./words.js";

const FIELDS = [
  ["vwap", "VWAP"], ["filled_vwap", "filled"], ["flag", "flag"], ["soft_flags", "soft flags"],
  ["quality", "quality"], ["grade", "grade"], ["coverage", "coverage"], ["volume", "volume"],
  ["trade_count", "trades"], ["known_at", "known at (UTC)"],
];
const MINUTE = 60_000;
const DECIMALS = new Set(["vwap", "filled_vwap", "volume"]);

function cell(name, value) {
  if (value === null || value === "") {
    return "none";
  }
  if (name === "known_at") {
    return value.replace("T", " ").replace("Z", "");
  }
  return DECIMALS.has(name) ? exactText(value) : String(value).split(",").map(wordsOf).join(", ");
}

function revisionTable({ symbol, minute, revisions }) {
  // The newest two, the current one first: on a phone the second is beyond the edge.
  const shown = revisions.slice(-2).reverse();
  const before = shown.length > 1 ? shown[1] : null;
  const end = new Date(Date.parse(minute) + MINUTE).toISOString();
  const checked = make("tr", {}, make("th", { scope: "row" }, "checked"),
    ...shown.map((each) => make("td", {},
      resultLink("minute_prices", symbol, each.known_at, minute, end, "result"))));
  const titles = shown.map(
    (each) => `revision ${each.revision}${each === before ? " (before)" : ""}`);
  const rows = FIELDS.map(([name, title]) => make("tr", {},
    make("th", { scope: "row" }, title),
    ...shown.map((each) => {
      const text = cell(name, each[name]);
      const isChanged = before && each !== before && before[name] !== each[name]
        && name !== "known_at";
      return make("td", {}, isChanged ? make("strong", {}, `${text} (changed)`) : text);
    })));
  return wideTable("Revisions", ["value", ...titles], [...rows, checked],
    { "data-testid": "revisions" });
}

function batchRow(batch) {
  const verdict = batch.is_refused ? wordsOf("REFUSED")
    : batch.quarantined_count ? `${batch.quarantined_count} rows ${wordsOf("QUARANTINED")}`
      : wordsOf(batch.failed.length ? "WITH_A_WARNING" : "PASSED");
  const path = `dags/${encodeURIComponent(batch.dag_id)}/runs/${encodeURIComponent(batch.run_id)}`;
  return make("tr", {}, make("td", {}, batch.fetched_at.slice(0, 19).replace("T", " ")),
    make("td", {}, verdict), make("td", { class: "number" }, String(batch.row_count)),
    make("td", { class: "why" }, batch.failed.join(", ") || "none"),
    make("td", {}, ...batchResults(batch.symbol, batch.fetched_at, batch.window_start,
      batch.window_end)),
    make("td", {}, batch.source || "not noted"),
    make("td", {}, batch.run_id ? airflowLink(path, batch.dag_id) : "not recorded"));
}

function quarantineRow(row) {
  return make("tr", {}, make("td", {}, row.interval),
    make("td", { title: explained(row.state) }, wordsOf(row.state)),
    make("td", { class: "why" }, ...Object.entries(row.observed).flatMap(([name, seen]) => [
      name, seen ? `: ${seen}` : "", make("br")])),
    make("td", { class: "why" }, make("code", {}, row.payload)));
}

function content(story, cause, dueText) {
  const minute = minuteText(new Date(story.minute));
  const parts = [make("h2", {}, `${story.symbol}, ${minute} UTC`),
    make("p", {}, `${explained(cause)}.`),
    ...(story.state ? [make("p", {}, `${explained(story.state)}.`)] : [])];
  if (story.revisions.length) {
    parts.push(make("h3", {}, story.revisions.length > 2
      ? `The last two of ${story.revisions.length} revisions` : "Revisions"),
    revisionTable(story));
  } else if (dueText) {
    parts.push(make("p", {}, dueText));
  } else {
    parts.push(make("p", {}, "Nothing is published for this minute. The runs of average_minutes at "
      + "that time say why; backfill_prices fetches what is missing."));
  }
  for (const each of story.restatements) {
    parts.push(make("p", {}, `◆ Revision ${each.revision} restated a final value: `
      + `${each.vwap_before ?? "none"} became ${each.vwap_after ?? "none"}.`));
  }
  parts.push(make("h3", {}, "Batches fetched for this minute"));
  parts.push(story.batches.length
    ? wideTable("Batches",
      ["fetched (UTC)", "verdict", "rows", "expectations not met", "results", "source", "run"],
      story.batches.map(batchRow))
    : make("p", { class: "soft" }, `No batch is logged; the log keeps ${story.batch_log_days} days.`));
  if (story.quarantined.length) {
    parts.push(make("h3", {}, "Quarantined rows"),
      wideTable("Quarantined rows", ["interval", "state", "not met, and observed value", "row"],
        story.quarantined.map(quarantineRow)));
  }
  // Checks are filed under the day on which they were made: of a backfill not the minute's.
  const days = new Set(story.batches.map((batch) => batch.fetched_at.slice(0, 10)));
  for (const day of days) {
    parts.push(make("p", {}, make("a", {
      href: new URL(`quality/docs/days/${day}/${story.symbol}.html`, root).href,
      "data-testid": "data-docs",
    }, `Data Docs of ${day}, when this was checked`)));
  }
  return parts;
}

/** Make the panel of a minute, which is none at first. */
export function makeDetails(panel) {
  let running = null;

  function clear() {
    running?.abort();
    panel.replaceChildren(make("p", { class: "soft" }, "No minute is selected."));
  }

  /** Show a minute, with its cause and what to say while it is not due. */
  async function show(symbol, minute, moment, cause, dueText) {
    running?.abort();
    running = new AbortController();
    const parameters = { symbol, minute: minute.toISOString() };
    if (moment) {
      parameters.moment = moment;
    }
    try {
      const story = await ask("api/minute", parameters, running.signal);
      panel.replaceChildren(...content(story, cause, dueText));
    } catch (error) {
      if (error.name !== "AbortError") {
        panel.replaceChildren(make("p", { class: "bad" }, error.message));
      }
    }
  }

  clear();
  return { show, clear };
}
