// Dark or light, as Airflow is; for a page outside Airflow, as the system is. Each page waits for
// this script before its first paint: otherwise a dark page would flash white. On paper it is light.

const html = document.documentElement;
const systemDark = matchMedia("(prefers-color-scheme: dark)");
const paper = matchMedia("print");
let isPrinted = paper.matches;
const listeners = [];
// A drawing asks for a colour for each of its runs.
const held = new Map();

/** Airflow's own <html>, where this page is in Airflow's frame; else null. */
export function airflow() {
  try {
    return window.parent === window ? null : window.parent.document.documentElement;
  } catch {
    return null;
  }
}

function follow() {
  const outer = airflow();
  const named = outer && ["dark", "light"].find(
    (name) => outer.classList.contains(name) || outer.dataset.theme === name);
  const theme = isPrinted ? "light" : named || (systemDark.matches ? "dark" : "light");
  if (html.dataset.theme !== theme) {
    html.dataset.theme = theme;
    held.clear();
    listeners.forEach((listener) => listener());
  }
}

function print(isOnPaper) {
  isPrinted = isOnPaper;
  follow();
}

systemDark.addEventListener("change", follow);
paper.addEventListener("change", () => print(paper.matches));
addEventListener("beforeprint", () => print(true));
addEventListener("afterprint", () => print(false));
if (airflow()) {
  new MutationObserver(follow).observe(
    airflow(), { attributes: true, attributeFilter: ["class", "data-theme"] });
}
follow();

/** Call a function before the page is printed, when its colours are those of paper already. */
export function onPrint(listener) {
  addEventListener("beforeprint", listener);
  paper.addEventListener("change", () => paper.matches && listener());
}

/** Call a function each time that the page turns dark or light. */
export function onTheme(listener) {
  listeners.push(listener);
}

/** The value of one of the style sheet's colours as it is now. */
export function colour(name) {
  if (!held.get(name)) {
    held.set(name, getComputedStyle(html).getPropertyValue(`--${name}`).trim());
  }
  return held.get(name);
}
