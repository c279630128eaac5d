"""Apply airflow_settings.yaml to a running Airflow, over its REST API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import yaml

from dev.machine.errors import SetupError, StartError

CONNECTION_FIELDS = {
    "conn_id": "connection_id",
    "conn_type": "conn_type",
    "conn_host": "host",
    "conn_schema": "schema",
    "conn_login": "login",
    "conn_password": "password",
    "conn_port": "port",
    "conn_extra": "extra",
}
POOL_FIELDS = {"pool_name": "name", "pool_slot": "slots", "pool_description": "description"}
VARIABLE_FIELDS = {"variable_name": "key", "variable_value": "value"}


def read_settings(
    file: Path,
    *,
    connections: Mapping[str, Mapping[str, Any]],
    variables: Mapping[str, str],
) -> dict[str, list[dict[str, Any]]]:
    """Read the file as bodies of Airflow's API, with this run's changes.

    Args:
        file: airflow_settings.yaml, in the Astro CLI's format.
        connections: Fields of the API to change, by id of a connection in the file.
        variables: Values by variable name; they replace the file's or are added.

    Returns:
        The entities to create, by `connections`, `pools` and `variables`.

    Raises:
        SetupError: The file is absent, or lacks a connection to change.
    """
    if not file.exists():
        raise SetupError(f"{file} is missing; restore it with git checkout")
    listed = yaml.safe_load(file.read_text())["airflow"]
    bodies = {
        "connections": _renamed(listed.get("connections"), CONNECTION_FIELDS),
        "pools": _renamed(listed.get("pools"), POOL_FIELDS),
        "variables": _renamed(listed.get("variables"), VARIABLE_FIELDS),
    }
    by_id = {body["connection_id"]: body for body in bodies["connections"]}
    if unknown := connections.keys() - by_id.keys():
        raise SetupError(f"{file} has no connection {', '.join(sorted(unknown))}")
    for name, changes in connections.items():
        by_id[name].update(changes)
    values = {body["key"]: body["value"] for body in bodies["variables"]} | dict(variables)
    bodies["variables"] = [{"key": key, "value": value} for key, value in values.items()]
    return bodies


def _renamed(
    entries: Sequence[Mapping[str, Any]] | None, names: Mapping[str, str]
) -> list[dict[str, Any]]:
    return [
        {names[key]: value for key, value in entry.items() if value is not None and key in names}
        for entry in entries or ()
    ]


def apply_settings(client: httpx.Client, bodies: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """Create every entity, replacing one of the same name; safe to repeat.

    Raises:
        StartError: Airflow refuses one.
    """
    for kind, entities in bodies.items():
        action = {"action": "create", "action_on_existence": "overwrite", "entities": entities}
        answer = client.patch(f"/{kind}", json={"actions": [action]})
        errors = answer.json().get("create", {}).get("errors") if answer.is_success else answer.text
        if errors:
            raise StartError(f"Airflow refuses {kind} of airflow_settings.yaml: {errors}")
