// Links to pages of Airflow, which must not open inside of Airflow's own frame.

import { airflow } from "./theme.js";

// The frame lets no link leave it: one in Airflow's own page is followed instead.
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a.airflow");
  const outer = airflow();
  if (link && outer && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    const step = outer.ownerDocument.createElement("a");
    step.href = link.href;
    outer.ownerDocument.body.append(step);
    step.click();
    step.remove();
  }
});
