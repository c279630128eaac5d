"""The source of prices: Binance itself, or the simulator that ships with the project."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

import httpx

from dev.machine.errors import SetupError
from dev.machine.ports import LOOPBACK
from dev.machine.processes import Processes
from include.exchange.client import MOST_SYMBOLS
from include.records.symbols import read_symbol

NAME = "exchange"
LIVE_URL = "https://data-api.binance.vision"
PING_TIMEOUT_SECONDS = 3.0
ANSWER_TIMEOUT_SECONDS = 10.0
# What most symbols are quoted in; the first is what a lone name is taken for.
QUOTES = ("USDT", "USDC", "FDUSD", "TUSD", "BTC", "ETH", "BNB", "EUR", "TRY", "BRL", "JPY")
MOST_NAMED = 30
# As in dev/stack/airflow.py, a last resort.
START_TIMEOUT_SECONDS = 300.0


def simulator_url(port: int) -> str:
    """Return the simulator's URL."""
    return f"http://{LOOPBACK}:{port}"


def answers(base_url: str) -> bool:
    """Tell whether an exchange answers a ping in time."""
    try:
        return httpx.get(f"{base_url}/api/v3/ping", timeout=PING_TIMEOUT_SECONDS).is_success
    except httpx.HTTPError:
        return False


def choose_replay(*, live: bool, replay: bool) -> tuple[bool, str]:
    """Choose where prices come from: from Binance if it answers, unless one is asked for.

    Args:
        live: Binance is asked for.
        replay: The simulator is asked for.

    Returns:
        Whether to use the simulator, and why.

    Raises:
        SetupError: Binance is asked for and does not answer.
    """
    if replay:
        return True, "prices come from the simulator: --replay"
    if answers(LIVE_URL):
        return False, f"prices come from Binance: {LIVE_URL} answers"
    if live:
        raise SetupError(
            f"{LIVE_URL} does not answer within {PING_TIMEOUT_SECONDS:.0f} s; "
            "check the network, or use the simulator with --replay"
        )
    return True, f"prices come from the simulator: {LIVE_URL} does not answer"


def start_simulator(processes: Processes, port: int, options: Sequence[str] = ()) -> str:
    """Start the simulator, wait until it answers and return its URL.

    Args:
        processes: Where it is recorded.
        port: Where it listens on the loopback address.
        options: More options of `python -m include.simulator`.

    Raises:
        StartError: It died or did not answer in time.
    """
    command = [sys.executable, "-m", "include.simulator", "--port", str(port), *options]
    processes.spawn(NAME, command, port=port)
    processes.wait_until(lambda: answers(simulator_url(port)), NAME, START_TIMEOUT_SECONDS)
    return simulator_url(port)


def parse_symbols(listed: str) -> tuple[str, ...]:
    """Return the symbols of a list like BTCUSDT,ETHUSDT in its order, each once.

    Raises:
        SetupError: It names no symbol, or an invalid one.
    """
    parts = [part for part in listed.split(",") if part.strip()]
    if not parts:
        raise SetupError("no symbol is named; name some, like --symbols BTCUSDT,ETHUSDT")
    try:
        return tuple(dict.fromkeys(map(read_symbol, parts)))
    except ValueError as error:
        raise SetupError(f"{error}: --symbols {','.join(map(_suggested, parts))}") from error


def _suggested(part: str) -> str:
    """Return the symbol that somebody means who wrote btc, BTC or btcusdt: mostly the dollar's."""
    symbol = part.strip().upper()
    is_pair = any(symbol.endswith(quote) and symbol != quote for quote in QUOTES)
    return symbol if is_pair else f"{symbol}{QUOTES[0]}"


def check_symbols(client: httpx.Client, symbols: Sequence[str]) -> None:
    """Check that an exchange lists every symbol, a hundred with each request.

    Args:
        client: A client whose base URL is the exchange.
        symbols: Symbols, upper case.

    Raises:
        SetupError: One is not listed, or the exchange does not answer.
    """
    for start in range(0, len(symbols), MOST_SYMBOLS):
        unlisted = _first_unlisted(client, symbols[start : start + MOST_SYMBOLS])
        if unlisted:
            raise SetupError(
                f"the exchange at {client.base_url} does not list the symbol {unlisted}; "
                f"{_instead_of(client, unlisted)}"
            )


def _instead_of(client: httpx.Client, unlisted: str) -> str:
    """Return what to write instead of a symbol: of a simulator, what it lists."""
    listed = _simulated(client)
    suggested = _suggested(unlisted)
    if listed:
        first = f"write {suggested}, or " if suggested in listed else ""
        return f"{first}choose from {', '.join(listed)} with --symbols"
    return f"write {suggested} in --symbols" if suggested != unlisted else "correct --symbols"


def _simulated(client: httpx.Client) -> list[str]:
    """Return the symbols of a simulator; none where this is not one."""
    if client.base_url.host != LOOPBACK:
        return []
    try:
        answer = client.get("/simulator.json").raise_for_status()
        return [*answer.json()["symbols"]][:MOST_NAMED]
    except (httpx.HTTPError, ValueError, KeyError):
        return []


def _first_unlisted(client: httpx.Client, symbols: Sequence[str]) -> str | None:
    # The exchange accepts UTF-8 and no escapes.
    listed = json.dumps(list(symbols), separators=(",", ":"), ensure_ascii=False)
    try:
        answer = client.get("/api/v3/exchangeInfo", params={"symbols": listed})
    except httpx.HTTPError as error:
        raise SetupError(
            f"the exchange at {client.base_url} does not answer ({error}); "
            "check the network, or use the simulator with --replay"
        ) from error
    # The exchange answers 400 where it does not list one or cannot read it, and does not say which.
    if answer.status_code == httpx.codes.BAD_REQUEST:
        middle = len(symbols) // 2
        if not middle:
            return symbols[0]
        halves = symbols[:middle], symbols[middle:]
        return next(filter(None, (_first_unlisted(client, half) for half in halves)), None)
    if not answer.is_success:
        raise SetupError(
            f"the exchange at {client.base_url} refuses to answer: HTTP "
            f"{answer.status_code} {answer.text[:200]}; use the simulator with --replay"
        )
    return None
