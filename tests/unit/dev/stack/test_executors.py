"""Each executor of a stack exists in Airflow, and a Celery worker preloads what its tasks need."""

from importlib.util import find_spec

import pytest
from airflow.configuration import conf
from airflow.executors.base_executor import BaseExecutor
from airflow.executors.executor_loader import ExecutorLoader
from airflow.providers.celery.executors.default_celery import get_default_celery_config
from airflow.sdk.module_loading import import_string

from dev.stack.airflow import DEPLOYMENT_SETTINGS
from dev.stack.executors import Executor, executor_settings


@pytest.mark.parametrize("executor", Executor)
def test_each_executor_is_one_that_airflow_has_or_can_import(executor, tmp_path):
    named = executor_settings(executor, tmp_path, places=16)["AIRFLOW__CORE__EXECUTOR"]

    loaded = import_string(ExecutorLoader.executors.get(named, named))

    assert issubclass(loaded, BaseExecutor)
    expected = Executor.CELERY if executor is Executor.CLUSTER else executor
    assert loaded.__name__.lower().removesuffix("executor") == expected


def test_two_workers_share_the_places_of_one(tmp_path):
    settings = executor_settings(Executor.CLUSTER, tmp_path, places=17)

    assert settings["AIRFLOW__CELERY__WORKER_CONCURRENCY"] == "9"


def test_tasks_name_the_process_that_ran_them(tmp_path, monkeypatch):
    settings = executor_settings(Executor.CLUSTER, tmp_path, places=16)
    monkeypatch.setenv("PROCESS_NAME", "worker-2")

    assert import_string(settings["AIRFLOW__CORE__HOSTNAME_CALLABLE"])() == "worker-2"


def test_a_celery_worker_imports_what_tasks_need_before_it_forks(tmp_path, monkeypatch):
    settings = DEPLOYMENT_SETTINGS | executor_settings(Executor.CELERY, tmp_path, places=16)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)

    celery = get_default_celery_config(conf)

    assert celery["imports"] == ["include.tasks.preload"]
    assert find_spec("include.tasks.preload")
    assert celery["worker_concurrency"] == 16
    assert celery["broker_transport_options"]["polling_interval"] == 0.1
