"""Which symbols are fetched where nobody names any."""

import yaml

from include.orchestration.connections import PROJECT, symbols
from include.orchestration.defaults import SYMBOLS


def test_fetches_the_symbols_of_the_shipped_settings_where_none_are_named():
    settings = yaml.safe_load((PROJECT / "airflow_settings.yaml").read_text())["airflow"]
    shipped = {each["variable_name"]: each["variable_value"] for each in settings["variables"]}

    assert shipped["symbols"] == SYMBOLS
    assert symbols() == (*SYMBOLS.split(","),)
