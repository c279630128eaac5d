"""A second API server over a running stack's database that, unlike its first, asks who you are."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from dev.machine.ports import any_free_port
from dev.machine.processes import Processes
from dev.stack import airflow
from dev.stack.stack import Stack
from include.storage.whole_files import write_whole

NAME = "login-server"
ROLE = "VIEWER"


@contextmanager
def login_server(
    stack: Stack, passwords: Mapping[str, str], roles: Mapping[str, str] | None = None
) -> Iterator[str]:
    """Serve Airflow to some users only, for one block; the address is given.

    Args:
        stack: One that runs.
        passwords: By user name.
        roles: By user name; whoever is not named is a viewer, and an empty role permits nothing.

    Raises:
        StartError: It died or was not healthy in time.
    """
    port = any_free_port()
    file = stack.home.airflow / "login_passwords.json"
    write_whole(file, json.dumps(dict(passwords)), mode=0o600)
    surroundings = {
        **stack.surroundings,
        "AIRFLOW__API__BASE_URL": airflow.airflow_url(port),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(
            f"{user}:{(roles or {}).get(user, ROLE)}" for user in passwords
        ),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(file),
    }
    # Its record lies among the stack's, so that what ends the stack ends it, too.
    processes = Processes(stack.home.run, stack.home.logs)
    try:
        airflow.start_api_server(processes, port, surroundings, NAME)
        yield airflow.airflow_url(port)
    finally:
        # It has nothing to finish, and takes five seconds to leave in good order.
        processes.stop(NAME, grace_seconds=1)
