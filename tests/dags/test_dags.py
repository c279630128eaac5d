"""What every DAG keeps to, and the edges between them."""

import ast
import json
import re
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from airflow.sdk import AssetAll, timezone
from airflow.timetables.base import DataInterval, TimeRestriction

from include.orchestration.assets import EXTRACTED_PRICES, MINUTE_PRICES
from include.orchestration.defaults import UPKEEP_LIMIT, fetch_lead
from include.orchestration.forms import Kind
from include.records.errors import SettingsError
from include.records.windows import nearest_end

PROJECT = Path(__file__).resolve().parents[2]
DAG_IDS = {
    "audit_prices",
    "average_minutes",
    "backfill_prices",
    "ingest_prices",
    "initialize_store",
    "maintain",
    "replay_quarantine",
    "report_prices",
    "watch_prices",
}
TAGS = {"average", "extract", "quality", "report", "store", "upkeep"}
HEADINGS = ("**Runs**", "**Updates**", "**Safe to re-run**", "**When it fails**")
SYMBOL_DAY = {"symbol": "BTCUSDT", "day": "2026-03-01"}


@pytest.fixture(params=sorted(DAG_IDS))
def dag(request, dag_bag):
    return dag_bag.dags[request.param]


def test_imports_every_file_without_an_error(dag_bag):
    assert dag_bag.import_errors == {}
    assert set(dag_bag.dags) == DAG_IDS


def test_leaves_out_what_is_no_dag_file(dag_bag, tmp_path):
    """By .airflowignore, whose file would be an import error."""
    for name in ("maintain.py", ".airflowignore"):
        shutil.copy(PROJECT / "dags" / name, tmp_path)
    broken = "raise RuntimeError  # as a dag of airflow"
    for name in ("test_maintain.py", ".#maintain.py", "__pycache__/maintain.py", "draft.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(broken)

    bag = type(dag_bag)(dag_folder=str(tmp_path))

    assert set(bag.dags) == {"maintain"}
    assert [Path(file).name for file in bag.import_errors] == ["draft.py"]


def test_is_named_after_its_file(dag):
    assert Path(dag.fileloc).stem == dag.dag_id


def test_explains_itself_to_its_operator(dag):
    assert [heading for heading in HEADINGS if heading not in dag.doc_md] == []


def test_says_in_one_sentence_what_it_does(dag):
    """Airflow shows it beside the name, also in lists, where there is no room for the page."""
    assert re.fullmatch(r"[A-Z][^.\n]{20,90}\.", dag.description)


def test_bounds_its_runs(dag):
    assert dag.max_active_runs == 1
    assert not dag.catchup
    assert dag.tags
    assert set(dag.tags) <= TAGS
    for task in dag.tasks:
        assert task.retries == (0 if task.task_id == "fetch" else 1)
        assert task.execution_timeout is not None


def test_keeps_its_code_short(dag):
    """Schedule, assets and order fit on a screen; the operator's page above may be longer."""
    text = Path(dag.fileloc).read_text(encoding="utf-8")
    page = ast.parse(text).body[0].end_lineno

    assert len(text.splitlines()) - page <= 60


def test_runs_before_each_minute_ends(dag_bag):
    """Across hours, after a restart, and after runs that were missed: from the next one on."""
    for dag_id in ("ingest_prices", "average_minutes"):
        timetable = dag_bag.dags[dag_id].timetable
        assert timetable.summary == "* * * * * 55"
        restriction = TimeRestriction(
            earliest=timezone.parse("2026-01-01"), latest=None, catchup=True
        )
        last = timezone.parse("2026-03-01T11:58:55Z")
        due = []
        for _ in range(3):
            info = timetable.next_dagrun_info(
                last_automated_data_interval=DataInterval.exact(last), restriction=restriction
            )
            last = info.run_after
            due.append(nearest_end(last) - last)
        assert due == [timedelta(seconds=5)] * 3
        assert f"{last:%H:%M:%S}" == "12:01:55"


@pytest.mark.parametrize("text", ["4", "46", "", "-5", "5.0", "soon"])
def test_says_what_the_lead_of_the_fetches_may_be(text):
    assert [fetch_lead(each).seconds for each in ("5", "45")] == [5, 45]

    with pytest.raises(SettingsError, match="set it to a whole number from 5 to 45"):
        fetch_lead(text)


def test_maps_fetches_named_by_their_symbols(dag_bag):
    fetch = dag_bag.dags["ingest_prices"].task_dict["fetch"]

    assert fetch.is_mapped
    assert fetch.map_index_template == "{{ symbols }}"


@pytest.mark.parametrize(
    ("dag_id", "task_id", "given", "name"),
    [
        ("backfill_prices", "backfill", {"day": SYMBOL_DAY}, "BTCUSDT 2026-03-01"),
        ("replay_quarantine", "settle", {"part": SYMBOL_DAY}, "BTCUSDT"),
        ("audit_prices", "audit", {"days": SYMBOL_DAY}, "BTCUSDT"),
        ("maintain", "keep_up", {"kind": "landing"}, "landing"),
    ],
)
def test_names_mapped_tasks_before_they_begin(dag_bag, dag_id, task_id, given, name):
    """By what they are given, as it is known then; a number says nothing while a day is fetched."""
    dag = dag_bag.dags[dag_id]
    mapped = dag.task_dict[task_id]

    task = mapped.unmap({"op_kwargs": given})

    template = dag.get_template_env().from_string(mapped.map_index_template)
    assert template.render(task=task) == name


def test_validates_and_loads_batches_as_they_land_even_when_a_fetch_failed(dag_bag):
    """Both start with the plan's success, and follow in the graph what they wait for."""
    fetch, validate, load = (
        dag_bag.dags["ingest_prices"].task_dict[name] for name in ("fetch", "validate", "load")
    )

    assert validate.upstream_task_ids == {"plan", "fetch"}
    assert load.upstream_task_ids == {"plan", "validate"}
    assert {validate.trigger_rule, load.trigger_rule} == {"one_success"}
    assert fetch.trigger_rule == "all_success"


def test_begins_what_waits_for_the_fetches_before_them(dag_bag):
    """Behind a hundred fetches they would take up nothing until the last one has begun."""
    ingest, average = (dag_bag.dags[name] for name in ("ingest_prices", "average_minutes"))
    fetch = ingest.task_dict["fetch"]
    waiting = [ingest.task_dict["validate"], ingest.task_dict["load"], average.task_dict["publish"]]

    assert {task.weight_rule for task in (fetch, *waiting)} == {"absolute"}
    assert min(task.priority_weight for task in waiting) > fetch.priority_weight


def test_fails_by_name_for_symbols_that_cannot_be_published_after_the_others_are(dag_bag):
    """A task of its own: one that fails has no asset event, and the report would not come."""
    unpublished = dag_bag.dags["average_minutes"].task_dict["unpublished"]

    assert unpublished.is_mapped
    assert unpublished.upstream_task_ids == {"publish"}
    assert unpublished.outlets == []


def test_hands_on_by_the_same_asset_objects(dag_bag):
    """A retyped name would silently never trigger."""
    load = dag_bag.dags["ingest_prices"].task_dict["load"]
    publish = dag_bag.dags["average_minutes"].task_dict["publish"]

    assert load.outlets == [EXTRACTED_PRICES]
    assert publish.inlets == [EXTRACTED_PRICES]
    assert publish.outlets == [MINUTE_PRICES]
    assert publish.outlets[0] is MINUTE_PRICES
    assert dag_bag.dags["report_prices"].timetable.asset_condition == MINUTE_PRICES


def test_watches_prices_when_they_are_published_and_when_nothing_is(dag_bag):
    timetable = dag_bag.dags["watch_prices"].timetable

    assert timetable.asset_condition == AssetAll(MINUTE_PRICES)
    assert timetable.timetable.expression == "*/5 * * * *"


def test_keeps_up_each_kind_by_itself_behind_everything_else(dag_bag):
    """One mapped task for each: a failure stops no other, and nothing waits for a place but it."""
    dag = dag_bag.dags["maintain"]
    (keep_up,) = dag.tasks
    others = [
        task for each in dag_bag.dags.values() if each.dag_id != "maintain" for task in each.tasks
    ]

    assert keep_up.is_mapped
    assert keep_up.max_active_tis_per_dag == 1
    assert keep_up.priority_weight < min(task.priority_weight for task in others)
    assert keep_up.op_kwargs_expand_input.value == {"kind": [kind.value for kind in Kind]}
    assert keep_up.execution_timeout > UPKEEP_LIMIT


def test_leaves_the_nodes_of_a_cluster_time_to_agree_on_each_table(dag_bag):
    """Three small ones on two busy cores took one to four seconds for each."""
    create_tables = dag_bag.dags["initialize_store"].get_task("create_tables")
    changes = [*(PROJECT / "include" / "sql" / "schema").glob("*.cql")]

    assert create_tables.execution_timeout > len(changes) * timedelta(seconds=10)


def test_keeps_up_where_nobody_has_switched_it_on_but_waits_for_its_hour(dag_bag):
    """Disks would fill up; and a new stack does not begin with it, as it would with a start."""
    dag = dag_bag.dags["maintain"]

    assert dag.is_paused_upon_creation is False
    assert dag.start_date is None
    assert dag.timetable.expression == "30 3 * * *"


def test_watches_prices_only_where_somebody_switched_it_on(dag_bag):
    assert dag_bag.dags["watch_prices"].is_paused_upon_creation


POOL = "from include.orchestration.defaults import FETCHING; print(FETCHING['pool'])"


@pytest.mark.parametrize(
    ("said", "pool"),
    [({}, "default_pool"), ({"FETCH_POOL": " "}, "default_pool"), ({"FETCH_POOL": "own"}, "own")],
    ids=["nothing", "empty", "named"],
)
def test_fetches_in_a_pool_that_exists_unless_another_is_named(said, pool):
    done = subprocess.run(
        [sys.executable, "-c", POOL],
        cwd=PROJECT,
        env={"PYTHONPATH": str(PROJECT), "AIRFLOW_HOME": str(PROJECT / ".dev" / "parse"), **said},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.splitlines()[-1] == pool


PARSE = """
import json, runpy, sys
heavy, found = {"pandas", "great_expectations", "cassandra", "pyarrow", "astro.sql"}, {}
for file in sys.argv[1:]:
    before = set(sys.modules)
    runpy.run_path(file)
    found[file] = sorted(heavy & (set(sys.modules) - before))
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def heavy_imports():
    """What each DAG file imports that costs a second at every parse, if none before it did."""
    files = [f"dags/{dag_id}.py" for dag_id in sorted(DAG_IDS)]
    done = subprocess.run(
        [sys.executable, "-c", PARSE, *files],
        cwd=PROJECT,
        env={"PYTHONPATH": str(PROJECT), "AIRFLOW_HOME": str(PROJECT / ".dev" / "parse")},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("dag_id", sorted(DAG_IDS))
def test_parses_without_the_heavy_imports(heavy_imports, dag_id):
    assert heavy_imports[f"dags/{dag_id}.py"] == []
