"""./dev/cassandra: run local Cassandra servers without the rest of the stack."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from dev.cassandra_server.cqlsh import become_cqlsh
from dev.cassandra_server.local import LocalCassandra, connection_line, named_servers
from dev.cassandra_server.request import Request, read_request
from dev.cassandra_server.secure_home import PIPELINE_ROLE, ROLES, SCHEMA_ROLE, SecureHome
from dev.machine.console import complain, say, step
from dev.machine.errors import SetupError, StartError
from dev.machine.home import Home
from dev.machine.ports import LOOPBACK


def start_server(local: LocalCassandra, port: int | None = None, heap: str | None = None) -> int:
    """Start a server, unless it runs, and wait until it answers; it stays when ./dev/up ends.

    Args:
        local: The server.
        port: Its native protocol port; None for any.
        heap: Java's heap for this run, like `512m`; None for the default.

    Returns:
        Its native protocol port.

    Raises:
        SetupError: The port is taken, or it runs on another one.
        StartError: It died, or did not answer in time.
    """
    record = local.server().record()
    if record is None:
        ports, notes = local.choose_ports(port)
        for note in notes:
            say(f"  {note}")
        server = local.server(ports, heap)
        with step(f"{local.title}: starting", "about 10 s"):
            server.start()
        if local.name is None:
            local.home.cassandra_kept.touch()
    elif port not in {None, record.port}:
        raise SetupError(
            f"{local.title} runs on port {record.port}; first run "
            f"./dev/cassandra stop{local.options}"
        )
    return local.server().port


def _start(local: LocalCassandra, request: Request) -> None:
    if request.secure:
        local.make_secure()
    start_server(local, request.port, request.heap)
    if local.secure is not None and local.secure.set_up_roles(local.server().port):
        say("  created the roles, and changed the superuser's password")
    _tell_status(local)
    if local.secure is not None:
        _tell_how_to_connect(local, local.secure)
    else:
        say(f"for Airflow, in .env: {connection_line(local.server().port)}")


def _stop(local: LocalCassandra) -> None:
    _refuse_in_use(local)
    if local.name is None:
        local.home.cassandra_kept.unlink(missing_ok=True)
    stopped = local.server().stop()
    say("stopped; its data is kept" if stopped else "it was not running")


def _status(local: LocalCassandra) -> None:
    _tell_status(local)
    if local.name is None:
        for named in named_servers(local.home):
            _tell_status(named)


def _cqlsh(local: LocalCassandra, arguments: Sequence[str]) -> None:
    record = local.server().record()
    if record is None or record.port is None:
        raise SetupError(_is_down(local))
    become_cqlsh(local.folder, record.port, local.secure, arguments)


def _wipe(local: LocalCassandra) -> None:
    _refuse_in_use(local)
    local.server().wipe()
    say(f"deleted {local.folder}")


def _tell_status(local: LocalCassandra) -> None:
    server = local.server()
    record = server.record()
    if record is None or record.port is None:
        say(_is_down(local))
    else:
        state = "answers" if server.answers() else "does not answer yet"
        secured = ", TLS and passwords" if local.secure is not None else ""
        say(f"{local.title} {state} on {LOOPBACK}:{record.port}, pid {record.pid}{secured}")


def _is_down(local: LocalCassandra) -> str:
    place = " here" if local.name is None else ""
    return (
        f"{local.title} is not running{place}; start it with ./dev/cassandra start{local.options}"
    )


def _tell_how_to_connect(local: LocalCassandra, secure: SecureHome) -> None:
    say(
        f"""Airflow connection: host {LOOPBACK}, port {local.server().port}, login {PIPELINE_ROLE} \
(to create tables and grant permissions: {SCHEMA_ROLE}), extra:
{json.dumps({"ssl_options": secure.ssl_options()})}
passwords, in cqlsh's format:"""
    )
    for role in ROLES:
        say(f"  {secure.credentials(role)}")
    say(f"as the superuser: ./dev/cassandra cqlsh{local.options}")


def _refuse_in_use(local: LocalCassandra) -> None:
    if local.name is None and local.home.holder() is not None:
        raise SetupError("./dev/up is running and needs it; stop that first with ./dev/down")


def _refuse_unknown(local: LocalCassandra) -> None:
    if local.name is None or local in named_servers(local.home):
        return
    known = ", ".join(str(server.name) for server in named_servers(local.home))
    raise SetupError(
        f"there is no {local.title}; create it with ./dev/cassandra start{local.options}"
        + (f", or name one of {known}" if known else "")
    )


def main() -> int:
    """Run the command; return its exit code: 0 success, 1 failure, 2 wrong usage."""
    request = read_request(sys.argv[1:])
    try:
        local = LocalCassandra(Home(), request.name)
        if request.action != "start":
            _refuse_unknown(local)
        match request.action:
            case "start":
                _start(local, request)
            case "stop":
                _stop(local)
            case "status":
                _status(local)
            case "cqlsh":
                _cqlsh(local, request.handed)
            case "wipe":
                _wipe(local)
    except (SetupError, StartError) as error:
        complain(str(error))
        return 2 if isinstance(error, SetupError) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
