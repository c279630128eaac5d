"""Merge two files of Compose as its specification says, as far as this project's files go.

No parser of Compose comes as a Python package. These are the rules that the specification states of
merging, interpolation, profiles and env_file; tests/data/compose/merged.json, made by compose-go,
holds them to what the Astro CLI does.
"""

import re
from pathlib import Path

import yaml

REPLACED = {"command", "entrypoint", "test"}
VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::-(?P<default>[^}]*))?\}")


def merge(base, override, shell, profiles=()):
    """Return the project of two files, as mappings: services, networks and volumes.

    Args:
        base: Text of the first file.
        override: Text of the second.
        shell: What ${...} is taken from.
        profiles: Those that are on. Services of others are left out, and who depends on one that
            is not required goes on without it.
    """
    merged = _merged(*(_expanded(yaml.safe_load(text), shell) for text in (base, override)))
    services = {
        name: service
        for name, service in merged["services"].items()
        if not service.get("profiles") or {*service["profiles"]} & {*profiles}
    }
    for name, service in services.items():
        for other, how in [*service.get("depends_on", {}).items()]:
            if other not in services:
                assert not how["required"], f"{name} depends on {other}, which is not there"
                del service["depends_on"][other]
    return merged | {"services": services}


def environment(service, folder):
    """Return the environment of a container: its files in order, then what the service says."""
    said = {}
    for file in service.get("env_file", []):
        path = Path(folder) / file["path"]
        if path.exists() or file["required"]:
            lines = (line.strip() for line in path.read_text().splitlines())
            said |= dict(line.split("=", 1) for line in lines if line and line[0] != "#")
    return said | {name: str(value) for name, value in service.get("environment", {}).items()}


def _expanded(model, shell):
    """Replace variables, and write the short forms as the long ones, which are merged."""
    model = _interpolated(model, shell)
    for service in model["services"].values():
        files = service.get("env_file", [])
        service["env_file"] = [
            {"required": True} | (each if isinstance(each, dict) else {"path": each})
            for each in ([files] if isinstance(files, str) else files)
        ]
        needed = service.get("depends_on", {})
        if isinstance(needed, list):
            needed = {name: {"condition": "service_started"} for name in needed}
        service["depends_on"] = {
            name: {"required": True} | dict(how) for name, how in needed.items()
        }
    return model


def _interpolated(value, shell):
    if isinstance(value, dict):
        return {key: _interpolated(each, shell) for key, each in value.items()}
    if isinstance(value, list):
        return [_interpolated(each, shell) for each in value]
    if isinstance(value, str):
        return VARIABLE.sub(lambda m: shell.get(m["name"]) or m["default"] or "", value)
    return value


def _merged(first, second, name=""):
    if isinstance(first, dict) and isinstance(second, dict):
        both = {key: _merged(first[key], second[key], key) for key in first.keys() & second.keys()}
        return {**first, **second, **both}
    if isinstance(first, list) and isinstance(second, list) and name not in REPLACED:
        return [*{_identity(name, each): each for each in (*first, *second)}.values()]
    return second


def _identity(name, entry):
    """What makes two entries of a sequence the same: the later one replaces the earlier."""
    match name:
        case "volumes":
            return entry.split(":")[1]
        case "env_file":
            return entry["path"]
    return str(entry)
