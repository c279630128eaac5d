// The tab of a DAG run: the gate's verdict on each of its batches, as Airflow keeps it in XCom.

import { ask, batchResults, make, root, wideTable } from "./page.js";
import { makeStrip } from "./strip.js";
import { explained, wordsOf } from "./words.js";

const DAG = "ingest_prices";
const TASK = "validate";
const KEY = "return_value";
const MINUTE = 60_000;
const parameters = new URLSearchParams(location.search);
const [dagId, runId] = [parameters.get("dag_id") || "", parameters.get("run_id") || ""];
const place = document.getElementById("verdicts");
const said = document.getElementById("said");

/** What the tasks of the gate returned, in one list; see include/orchestration/messages.py. */
async function checked() {
  const run = new URL(`api/v2/dags/${DAG}/dagRuns/${encodeURIComponent(runId)}/`, root);
  const { task_instances: all } = await ask(new URL("taskInstances?limit=100", run).href);
  const tasks = all.filter((task) => task.task_id === TASK);
  const running = tasks.filter((task) => ["success", "failed"].every((end) => task.state !== end));
  const shards = await Promise.all(tasks.filter((task) => task.state === "success").map(
    async (task) => {
      const entry = await ask(
        new URL(`taskInstances/${TASK}/xcomEntries/${KEY}`, run).href,
        { map_index: task.map_index, deserialize: false });
      return typeof entry.value === "string" ? JSON.parse(entry.value) : entry.value;
    }));
  // They come in the order in which they were fetched, which differs from run to run.
  const messages = shards.flat().sort((one, other) => (one.symbol < other.symbol ? -1 : 1));
  return { messages, isRunning: running.length > 0 };
}

function minuteCell(message) {
  const url = new URL("prices/", root);
  url.searchParams.set("symbol", message.symbol);
  if (message.end) {
    url.searchParams.set("minute", new Date(Date.parse(message.end) - MINUTE).toISOString());
  }
  return make("td", { class: "mark" }, make("a", { href: url.href, "data-testid": "minute" }, "Prices"));
}

function row(message, day) {
  const [mark, code] = message.refused ? ["✕", "REFUSED"]
    : message.failed.length ? ["!", "WITH_A_WARNING"] : ["✓", "PASSED"];
  const docs = new URL(`quality/docs/days/${day}/${message.symbol}.html`, root).href;
  // A run of an earlier version, or a batch that cannot be read, does not say which results it has.
  const results = message.fetched_at
    ? batchResults(message.symbol, message.fetched_at, message.start, message.end)
    : [make("a", { href: docs }, "all of the day")];
  const number = (value) => make("td", { class: "number" }, String(value));
  return make("tr", {}, make("th", { scope: "row" }, message.symbol),
    make("td", { class: message.refused ? "mark bad" : "mark", title: explained(code) },
      `${mark} ${wordsOf(code)}`),
    make("td", { class: "why" }, message.verdict), number(message.rows), number(message.bad_rows),
    make("td", { class: "why" }, message.failed.join(", ") || "none"),
    number(`${message.met} of ${message.evaluated}`), number(message.check_ms),
    make("td", { class: "mark" }, ...results), minuteCell(message));
}

function table(messages, day) {
  const titles = ["symbol", "gate", "verdict", "rows", "quarantined", "not met", "met",
    "ms", "results", "minute"];
  return wideTable("Batches", titles, messages.map((message) => row(message, day)));
}

async function show() {
  document.getElementById("run").textContent = runId;
  if (dagId !== DAG) {
    said.textContent = `Runs of ${dagId || "other DAGs"} have no batches to show here: only ${DAG} `
      + "sends its batches through the gate one by one.";
    return;
  }
  try {
    const { messages, isRunning } = await checked();
    const [day] = runId.match(/\d{4}-\d\d-\d\d/) || [new Date().toISOString().slice(0, 10)];
    place.replaceChildren(...(messages.length ? [table(messages, day)] : []));
    said.textContent = isRunning ? "The gate is running; this page refreshes itself."
      : messages.length ? `Batches of this run: ${messages.length}.`
        : "This run has no batches: none was fetched, or Airflow has deleted the run's results; "
          + "the tasks of the run say why.";
    if (isRunning) {
      setTimeout(show, 3000);
    }
  } catch (error) {
    const again = make("button", { type: "button" }, "Try again");
    again.addEventListener("click", show);
    place.replaceChildren(make("p", { class: "bad", role: "alert" }, error.message), again);
    said.textContent = "";
  }
}

makeStrip(document.getElementById("strip")).follow("api/strip");
show();
