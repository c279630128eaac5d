"""A report for the pages without a stack."""

from datetime import UTC, datetime

import pandas as pd

from include.mart.tables import KEPT_TABLES, KEYS
from include.records.windows import MINUTE
from include.reports.report import Facts, build_report, latest_span
from include.reports.text_rows import text_frame
from tests.e2e.lone_prices import SYMBOLS
from tests.fakes.builders import NOON, minutes, unpriced

LEDGER = (*KEYS["restatement"], *KEPT_TABLES["restatement"])


def write_report(data):
    """Write the latest report into the folder of the pages' files; one symbol has no price."""
    facts = Facts(
        symbols=SYMBOLS,
        minutes=text_frame([*minutes(90), unpriced(NOON + 95 * MINUTE)]),
        restatements=pd.DataFrame(columns=[*LEDGER]),
        generated_at=datetime.now(UTC),
    )
    span = latest_span(facts.minutes, facts.generated_at)
    report = data / "reports" / "latest.html"
    report.parent.mkdir()
    report.write_text(build_report(facts, span, "One-minute average prices").html, "utf-8")
