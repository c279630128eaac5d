"""Airflow's settings say the same wherever the project is run."""

import re
from pathlib import Path

import pytest

from dev.stack.airflow import DEPLOYMENT_SETTINGS, settings_for

PROJECT = Path(__file__).resolve().parents[4]
SETTING = re.compile(r'^(?:ENV|   )? *([A-Z][A-Z_]+)="?([^"\n]*?)"?(?: \\)?$', re.MULTILINE)


def settings_of(name):
    return dict(SETTING.findall((PROJECT / name).read_text()))


def test_the_image_and_the_example_say_what_the_local_stack_says():
    image, example = settings_of("Dockerfile"), settings_of(".env.example")

    for said in (image, example):
        shared = said.keys() & DEPLOYMENT_SETTINGS.keys()
        assert {name: said[name] for name in shared} == {
            name: DEPLOYMENT_SETTINGS[name] for name in shared
        }
    assert len(image.keys() & DEPLOYMENT_SETTINGS.keys()) >= 9
    assert len(example.keys() & DEPLOYMENT_SETTINGS.keys()) >= 9


@pytest.mark.parametrize(
    ("fetch_tasks", "places", "lead"),
    [(1, "16", "5"), (10, "16", "5"), (20, "26", "7"), (100, "106", "23"), (400, "406", "45")],
)
def test_gives_each_fetch_task_a_place_and_the_time_to_start(fetch_tasks, places, lead):
    assert settings_for(fetch_tasks) == {
        "AIRFLOW__CORE__PARALLELISM": places,
        "AIRFLOW__CORE__MAX_ACTIVE_TASKS_PER_DAG": places,
        "AIRFLOW__SCHEDULER__MAX_TIS_PER_QUERY": places,
        "FETCH_LEAD_SECONDS": lead,
    }
