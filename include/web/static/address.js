// What is shown, as a part of the page's address: read, kept, and made into a link for others.

import { airflow } from "./theme.js";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
// As the address and the form name the spans that follow the clock.
const HOURS = new Map([["1h", "1"], ["24h", "24"], ["7d", "168"]]);
const USUAL = "24h";
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/;
const EXAMPLE = "2026-03-01T12:00Z";
// A minute without a span is shown in the usual one while it stays in that for a while, then by day.
const IN_USUAL_SPAN_MS = 23 * HOUR;
// Of a value that makes no sense.
const QUOTED = 40;

/**
 * Read what an address asks for; what makes no sense is left out, with a sentence about it.
 *
 * Times are in milliseconds, on whole minutes. `span` is a value of the form; without `from` and
 * `to` the span follows the clock. `zoom` is the part of the span that the chart shows; null for all.
 */
export function readAddress(search, now) {
  const given = new URLSearchParams(search);
  const problems = [];
  const refuse = (name, why) => {
    const text = given.get(name);
    problems.push(`${name} “${text.slice(0, QUOTED)}” in the address ${why}.`);
    return null;
  };
  const time = (name, instead) => {
    const text = given.get(name);
    return !text ? null
      : timeOf(text) ?? refuse(name, `is not a time, which is written like ${EXAMPLE}: ${instead}`);
  };
  const asked = given.get("span");
  const alone = ["span", "from", "to"].some((each) => given.get(each)) ? null
    : timeOf(given.get("minute") ?? "");
  const name = HOURS.has(asked) ? asked : USUAL;
  const usual = `the last ${name.replace(/(?=\D)/, "\u00a0")} are shown`;
  const day = Math.floor(alone / DAY) * DAY;
  const ends = alone !== null && now - alone > IN_USUAL_SPAN_MS ? [day, day + DAY]
    : [time("from", usual), time("to", usual)];
  const isCustom = ends.every((end) => end !== null);
  if (!isCustom && !problems.length && ends.some((end) => end !== null)) {
    const [there, missing] = ends[0] === null ? ["to", "from"] : ["from", "to"];
    refuse(there, `needs ${missing} as well: ${usual}`);
  }
  if (!isCustom && asked && !HOURS.has(asked)) {
    refuse("span", `is not one of ${[...HOURS.keys()].join(", ")}: ${usual}`);
  }
  const hours = HOURS.get(name);
  const [from, to] = isCustom ? ends : [floor(now) - Number(hours) * HOUR, floor(now)];
  let moment = time("moment", "what is known now is shown");
  if (moment !== null && moment <= from) {
    moment = refuse("moment", "is not after the start of the span: what is known now is shown");
  }
  let minute = time("minute", "none is picked");
  if (minute !== null && (minute < from || minute >= to)) {
    minute = refuse("minute", "is not in the span shown: none is picked");
  }
  return {
    symbol: (given.get("symbol") ?? "").trim(),
    span: isCustom ? "custom" : hours,
    from: isCustom ? from : null,
    to: isCustom ? to : null,
    moment,
    minute,
    zoom: zoomOf(given.get("zoom"), from, to)
      ?? (given.get("zoom") ? refuse("zoom", "is not a part of the span: all of it is shown") : null),
    problems,
  };
}

/** The query of an address at which the same is shown, as `readAddress` reads it. */
export function queryOf({ symbol, span, from, to, moment, minute, zoom }) {
  const [name] = [...HOURS].find(([, hours]) => hours === span) ?? [null];
  const parts = [
    ["symbol", encodeURIComponent(symbol)],
    ...(name ? [["span", name]] : [["from", timeText(from)], ["to", timeText(to)]]),
    ["moment", moment && timeText(moment)],
    ["minute", minute && timeText(minute)],
    ["zoom", zoom && `${timeText(zoom.from)}/${timeText(zoom.to)}`],
  ];
  return parts.filter(([, text]) => text).map((part) => part.join("=")).join("&");
}

/**
 * The same, for somebody who opens it later: where a minute is picked, or a part or a past moment
 * shown, the span no longer follows the clock, and has the ends that it has now.
 */
export function lasting(shown, { from, to }) {
  const isOfATime = shown.moment || shown.minute || shown.zoom;
  return isOfATime ? { ...shown, span: "custom", from, to } : shown;
}

/** The address of the page with a query: within Airflow's frame that of Airflow's page around it. */
export function pageAddress(query) {
  const outer = around();
  const before = outer ? airflowPath(outer) : "";
  return `${location.origin}${before}${location.pathname}?${query}`;
}

/** Where Airflow puts the path of what its frame shows: after /plugin/prices; "" where it does not. */
function airflowPath(outer) {
  const [path] = outer.location.pathname.match(/^.*?\/plugin\/[^/]+/) ?? [""];
  return path;
}

// Of what was kept last, all but the minute and the zoom: a step back leads to another one.
let kept = null;

/** Keep what is shown in the address, so that a reload and the buttons back and forward show it. */
export function keepAddress(shown) {
  const query = queryOf(shown);
  const step = queryOf({ ...shown, minute: null, zoom: null });
  const isNew = kept !== null && kept !== step;
  kept = step;
  if (location.search !== `?${query}`) {
    history[isNew ? "pushState" : "replaceState"](null, "", `?${query}`);
  }
  // Airflow follows its frame only when that loads a page.
  const outer = around();
  if (outer && airflowPath(outer) && outer.location.href !== pageAddress(query)) {
    // Its router goes by what is in its state.
    outer.history.replaceState(outer.history.state, "", pageAddress(query));
  }
}

/** Call a function when the address has changed by a step back or forward. */
export function onStep(listener) {
  addEventListener("popstate", () => {
    kept = null;
    listener();
  });
}

/** Airflow's window, where this page is in its frame. */
function around() {
  return airflow()?.ownerDocument.defaultView ?? null;
}

function floor(milliseconds) {
  return Math.floor(milliseconds / MINUTE) * MINUTE;
}

function timeOf(text) {
  const milliseconds = TIME.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(milliseconds) ? null : floor(milliseconds);
}

function timeText(milliseconds) {
  return `${new Date(milliseconds).toISOString().slice(0, 16)}Z`;
}

/** The part of a span that FROM/TO names; null where it names none. */
function zoomOf(text, from, to) {
  const ends = (text ?? "").split("/").map(timeOf);
  if (ends.length !== 2 || ends.includes(null)) {
    return null;
  }
  const zoom = { from: Math.max(from, ends[0]), to: Math.min(to, ends[1]) };
  return zoom.from < zoom.to ? zoom : null;
}
