"""Which tests an environment can run.

All of them where the tools of dev/ are, as ./dev/test has them. `astro dev pytest` and `astro
deploy --pytest` have only requirements.txt, and in a container no dev/: there only
tests/dags is collected.
"""

from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).parent
# Of dev/requirements.txt, as the other tests import them.
TOOLS = ("duckdb", "hypothesis", "jgo", "playwright", "pytest_socket", "trustme")
RUN_ANYWHERE = {"dags", "fakes"}

missing = [name for name in TOOLS if find_spec(name) is None]
if not (HERE.parent / "dev" / "__init__.py").exists():
    missing.append("dev/")
collect_ignore = [
    folder.name
    for folder in sorted(HERE.iterdir())
    if missing and folder.is_dir() and folder.name not in RUN_ANYWHERE
]


def pytest_report_header() -> str | None:
    """Say in pytest's first lines what is left out, and why."""
    if not missing:
        return None
    return (
        f"only tests/dags is collected: the others need {', '.join(missing)}; "
        "./dev/test installs what is missing and runs them all"
    )
