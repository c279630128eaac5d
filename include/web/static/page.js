// Shared code of the pages: elements, links out of Airflow's frame, and requests.

import "./airflow_links.js";

/** Make an element; text is text, never markup. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** Make a table that scrolls where it is too wide; its name is read out when it has the focus. */
export function wideTable(name, titles, rows, attributes = {}) {
  return make("div", { class: "wide", tabindex: "0", role: "group", "aria-label": name },
    make("table", attributes,
      make("thead", {}, make("tr", {}, ...titles.map(
        (title) => make("th", { scope: "col" }, title)))),
      make("tbody", {}, ...rows)));
}

/** The folder that Airflow is served from, with its slash: the app lies in prices/ below it. */
export const root = new URL(location.pathname.replace(/\/prices\/.*$/, "/"), location.origin);

/** Make a link to a page of Airflow, which must not open inside of Airflow's own frame. */
export function airflowLink(path, ...children) {
  return make("a", { class: "airflow", href: new URL(path, root).href }, ...children);
}

/** Ask for JSON; throw an error whose message says what is wrong and what to do. */
export async function ask(address, parameters = {}, signal = undefined) {
  const answer = await answerTo(address, parameters, signal);
  return answer.json().catch(() => ({}));
}

/** Ask for a file; throw the same errors. */
export async function askForFile(address, parameters) {
  return (await answerTo(address, parameters)).blob();
}

async function answerTo(address, parameters, signal = undefined) {
  const url = new URL(address, location.href);
  for (const [name, value] of Object.entries(parameters)) {
    url.searchParams.set(name, value);
  }
  let answer;
  try {
    answer = await fetch(url, { signal, headers: { Accept: "application/json, */*" } });
  } catch (error) {
    if (error.name === "AbortError") {
      throw error;
    }
    throw new Error("Airflow's web server does not answer: check that it runs, then try again");
  }
  if (!answer.ok) {
    const said = await answer.json().catch(() => ({}));
    const detail = typeof said.detail === "string" ? said.detail : "";
    const problem = new Error(said.problem || detail || `the web server answered ${answer.status}`);
    throw Object.assign(problem, { status: answer.status });
  }
  return answer;
}

/** A link to a result of Data Docs: what a suite said of a symbol's batch, or of a minute's average. */
export function resultLink(suite, symbol, at, start, end, text) {
  const url = new URL("quality/result", root);
  for (const [name, value] of Object.entries({ suite, symbol, at, from: start, to: end })) {
    url.searchParams.set(name, value);
  }
  return make("a", { href: url.href, "data-testid": `result-${suite}` }, text);
}

/** Links to the results on a batch: one for its seconds and one for its minutes. */
export function batchResults(symbol, at, start, end) {
  return [resultLink("second_prices", symbol, at, start, end, "seconds"), ", ",
    resultLink("exchange_minutes", symbol, at, start, end, "minutes")];
}

/** A moment as 2026-03-01 12:00, UTC. */
export function minuteText(date) {
  return date.toISOString().slice(0, 16).replace("T", " ");
}
