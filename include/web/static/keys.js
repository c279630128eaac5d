// The keyboard of the chart; the page's own words name the keys.

const STEPS = { ArrowLeft: -1, ArrowRight: 1, PageUp: -60, PageDown: 60 };

/**
 * Pick minutes by keys while an element has the focus.
 *
 * `held` returns the number of minutes and the picked one, null for none; `pick` takes a minute's
 * place, however far out; `fit` shows the whole span.
 */
export function listenToKeys(element, { held, pick, fit }) {
  element.addEventListener("keydown", (event) => {
    const { count, picked } = held();
    const step = STEPS[event.key] * (event.shiftKey ? 10 : 1);
    const places = { Home: 0, End: count - 1 };
    if (count && event.key === "0") {
      fit();
      return;
    }
    if (!count || (!step && places[event.key] === undefined)) {
      return;
    }
    event.preventDefault();
    pick(step ? (picked ?? (step < 0 ? count : count - 1)) + step : places[event.key]);
  });
}
