// The page Words: what every page calls things, with the colours and marks that go with them.

import { MARKS } from "./causes.js";
import { swatchOf } from "./legend.js";
import { make, wideTable } from "./page.js";
import { makeStrip } from "./strip.js";
import { onTheme } from "./theme.js";
import { CAUSES, GRADES, ROW_STATES, SOFT_FLAGS, STATES, VERDICTS } from "./vocabulary.js";

const place = document.getElementById("glossary");
const swatches = [];

function swatch(code) {
  const held = make("span", { class: "swatch" });
  swatches.push(() => held.replaceChildren(swatchOf(code)));
  return held;
}

function section(title, lead, words, markOf = () => "") {
  const rows = words.map((word) => make("tr", word.code ? { id: word.code } : {},
    make("th", { scope: "row" }, markOf(word), " ", word.words),
    make("td", {}, word.code ? make("code", {}, word.code) : ""),
    make("td", { class: "why" }, `${word.meaning}.`)));
  return make("section", {}, make("h2", {}, title), make("p", { class: "soft" }, lead),
    wideTable(title, ["word", "code", "meaning"], rows));
}

place.append(
  section("Causes", "Why a minute has its value, or has none: ribbons, tables and pictures.", CAUSES,
    ({ code }) => swatch(code)),
  section("Marks", "What else there is about a minute, below the ribbons and in the chart.", MARKS,
    ({ mark }) => mark),
  section("Soft flags", "What is unusual about a minute.", SOFT_FLAGS, () => "▲"),
  section("States", "How final a minute is.", STATES),
  section("Grades", "How reliable a value is, from 100 down.", GRADES),
  section("Verdicts", "What the gate says of a batch or a row.", VERDICTS),
  section("States of a row in quarantine", "How it was settled, if it was.", ROW_STATES),
);
const draw = () => swatches.forEach((each) => each());
draw();
onTheme(draw);
document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
makeStrip(document.getElementById("strip")).follow("api/strip");
