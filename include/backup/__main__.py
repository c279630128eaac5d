"""python -m include.backup: save, restore and verify backups; see docs/backup.md."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from airflow.sdk.exceptions import AirflowNotFoundException
from upath import UPath

from include.backup.manifest import Manifest, Scope
from include.backup.restoring import restore, verify
from include.backup.saving import save
from include.mart.failures import explain_mart_failure
from include.orchestration.connections import cassandra_settings, schema_settings
from include.records.errors import MarketDataError, RetryableError, SettingsError
from include.records.symbols import read_symbol
from include.records.windows import iso
from include.store.session import SESSIONS
from include.store.settings import CassandraSettings

PASSWORD = "CASSANDRA_PASSWORD"  # noqa: S105 - the name of a variable
FAILED, REFUSED = 1, 2
MIB = 1024 * 1024
ELSEWHERE = (
    "run this where Airflow runs, set AIRFLOW_CONN_CASSANDRA_DEFAULT and AIRFLOW_CONN_MART, or "
    "name a server with --host and leave the mart out with --no-mart"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Returns:
        0 when it is done, 1 when it failed and may be repeated to continue, 2 when it was refused.
    """
    options = _parser().parse_args(arguments)
    # Otherwise Airflow finds only connections of the environment, and none of its own database.
    os.environ.setdefault("_AIRFLOW_PROCESS_CONTEXT", "server")
    try:
        with explain_mart_failure():
            _run(options)
    except RetryableError as error:
        return _complain(f"{error}; repeat the command to continue", FAILED)
    except MarketDataError as error:
        return _complain(str(error), REFUSED)
    except AirflowNotFoundException as error:
        return _complain(f"{error}; {ELSEWHERE}", REFUSED)
    except OSError as error:
        return _complain(f"{options.folder}: {error}; repeat the command to continue", FAILED)
    finally:
        SESSIONS.close()
    return 0


def _run(options: argparse.Namespace) -> None:
    folder = _folder(options.folder)
    if options.command == "verify":
        _tell(verify(folder), "is as it was saved")
        return
    settings = _settings(options)
    if options.command == "save":
        scope = Scope(
            keyspace=settings.keyspace,
            symbols=tuple(options.symbols),
            first_day=options.first_day,
            end_day=options.end_day,
            # A mart is copied whole or not at all.
            with_mart=options.mart
            and not (options.symbols or options.first_day or options.end_day),
        )
        _tell(save(settings, folder, scope), "is saved")
        return
    done = restore(settings, folder, with_mart=options.mart, into_others=options.merge)
    _say(
        f"restored {done.rows:,} rows of {done.files:,} files to {settings}; {done.expired:,} rows "
        f"had expired, {done.skipped:,} files were written before; now run the DAG initialize_store"
    )


def _settings(options: argparse.Namespace) -> CassandraSettings:
    """Return the settings of the options, or of Airflow's connections."""
    if options.host:
        settings = CassandraSettings(
            hosts=tuple(options.host.split(",")),
            port=options.port,
            login=options.login,
            password=os.environ.get(PASSWORD),
        )
    else:
        settings = cassandra_settings()
        if options.command == "restore":
            settings = schema_settings() or settings
    return replace(settings, keyspace=options.keyspace or settings.keyspace)


def _folder(text: str) -> UPath:
    """Return a folder by its path or URL; a local path becomes absolute."""
    try:
        folder = UPath(text)
    except (ImportError, ValueError) as error:
        raise SettingsError(f"{text!r} cannot be reached: {error}") from error
    return folder if "://" in text else folder.absolute()


def _tell(manifest: Manifest, state: str) -> None:
    for table, files, rows, size in manifest.by_table():
        _say(f"{table:28} {files:6,} files {rows:12,} rows {size / MIB:10,.1f} MiB")
    rows, size = sum(file.rows for file in manifest.files), sum(f.bytes for f in manifest.files)
    _say(
        f"the backup of {iso(manifest.begun.begun_at)} ({manifest.begun.scope}) {state}: "
        f"{len(manifest.files):,} files, {rows:,} rows, {size / MIB:,.1f} MiB"
    )


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def _complain(text: str, code: int) -> int:
    sys.stderr.write(f"{text}\n")
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=os.environ.get("BACKUP_COMMAND", "python -m include.backup"),
        description="Save the keyspace and the mart as files, and restore them. Repeating an "
        "interrupted command continues it. See docs/backup.md.",
        epilog="Exit codes: 0 done, 1 failed: repeat it, 2 refused: the message says why.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    saving = commands.add_parser("save", help="write a backup; the pipeline may go on meanwhile")
    saving.add_argument(
        "--symbols",
        nargs="+",
        type=_symbol,
        default=[],
        metavar="SYMBOL",
        help="only these symbols, without the mart (all)",
    )
    saving.add_argument(
        "--from",
        dest="first_day",
        type=_day,
        metavar="DAY",
        help="only from this UTC day on, YYYY-MM-DD, without the mart (all)",
    )
    saving.add_argument(
        "--to", dest="end_day", type=_day, metavar="DAY", help="only before this UTC day"
    )
    restoring = commands.add_parser(
        "restore", help="write a backup to an empty keyspace and mart; pause all DAGs before"
    )
    restoring.add_argument(
        "--merge",
        action="store_true",
        help="add to a keyspace that is not empty, for symbols or months that it lacks; the mart "
        "is left alone",
    )
    verifying = commands.add_parser("verify", help="check every file of a backup")
    for command in (saving, restoring, verifying):
        command.add_argument("folder", help="path of a folder, or a URL such as s3://bucket/backup")
    for command in (saving, restoring):
        command.add_argument(
            "--no-mart", dest="mart", action="store_false", help="leave the mart out"
        )
        command.add_argument("--keyspace", help="another keyspace than that of the connection")
        command.add_argument(
            "--host", help="contact points, by comma, instead of Airflow's connection"
        )
        command.add_argument("--port", type=int, default=9042, help="with --host (%(default)s)")
        command.add_argument("--login", help=f"with --host; the password in {PASSWORD}")
    return parser


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no day: write YYYY-MM-DD") from error


def _symbol(text: str) -> str:
    try:
        return read_symbol(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _show_progress() -> None:
    """Write a line for each file to standard error, and nothing of the libraries."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s", force=True)
    logging.getLogger("include").setLevel(logging.INFO)


if __name__ == "__main__":
    _show_progress()
    sys.exit(main())
