"""Airflow's settings say the same wherever the project is run."""

import re
from pathlib import Path

from dev.stack.airflow import DEPLOYMENT_SETTINGS

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
