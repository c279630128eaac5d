// The page Report: a picker over the files that the DAG report_prices writes.

import { airflowLink, ask, make } from "./page.js";
import { makeStrip } from "./strip.js";
import { onPrint, onTheme } from "./theme.js";

const TITLES = { latest: "newest", hourly: "hours (UTC)", daily: "days (UTC)" };
const which = document.getElementById("which");
const said = document.getElementById("said");
const frame = document.getElementById("report");

function title(stem) {
  const name = stem.split("/").at(-1);
  return name === "latest" ? "now" : name.replace(/T(\d\d)$/, " $1:00");
}

function show() {
  // Until it has its theme: otherwise a dark page would flash white.
  frame.hidden = true;
  frame.src = `files/${which.value}.html`;
  frame.title = `Report: ${title(which.value)}`;
  for (const kind of ["png", "txt"]) {
    document.getElementById(kind).href = `files/${which.value}.${kind}`;
  }
  document.getElementById("forms").hidden = false;
}

async function load() {
  try {
    const { reports } = await ask("../api/reports");
    const groups = Object.entries(reports).filter(([, stems]) => stems.length);
    if (!groups.length) {
      said.replaceChildren(make("p", {}, "There is no report yet: ",
        airflowLink("dags/report_prices", "report_prices"),
        " writes the first one a moment after the first minute. Check that it is on."));
      return;
    }
    said.hidden = true;
    which.replaceChildren(...groups.map(([kind, stems]) => make("optgroup",
      { label: TITLES[kind] }, ...stems.map((stem) => make("option", { value: stem }, title(stem))))));
    which.disabled = false;
    show();
  } catch (error) {
    const again = make("button", { type: "button" }, "Try again");
    again.addEventListener("click", load);
    said.replaceChildren(make("p", { class: "bad", role: "alert" }, error.message), again);
  }
}

/** Give the report Airflow's theme; by itself it only knows the system's. */
function dress() {
  const inner = frame.contentDocument;
  if (inner) {
    inner.documentElement.dataset.theme = document.documentElement.dataset.theme;
  }
}

frame.addEventListener("load", () => {
  dress();
  frame.hidden = false;
});
onTheme(dress);
// A frame has no pages of its own: on paper it is as long as its report.
onPrint(() => {
  frame.style.height = `${frame.contentDocument?.documentElement.scrollHeight ?? 0}px`;
});
addEventListener("afterprint", () => frame.style.removeProperty("height"));
which.addEventListener("change", show);
makeStrip(document.getElementById("strip")).follow("../api/strip");
load();
