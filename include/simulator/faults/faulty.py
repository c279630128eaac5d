"""The application with its log of requests, and with faults where a script asks for them."""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from collections.abc import Iterable
from http import HTTPStatus
from urllib.parse import parse_qsl

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from include.simulator.faults.faults import (
    Answer,
    Corrupt,
    CutShort,
    Delay,
    Drip,
    Effect,
    FaultScript,
    Hang,
    Oversized,
    Reset,
    Rows,
    Status,
)
from include.simulator.faults.rows import spoil_rows, spoil_statuses
from include.simulator.requests.request_log import RequestLog
from include.simulator.requests.time_units import Clock

API = "/api/v3/"
MEGABYTE = 1_000_000
USED_WEIGHT = b"x-mbx-used-weight-1m"


class FaultyApp:
    """Forwards requests, logs them, and spoils the answers that a script selects.

    Args:
        app: The exchange.
        clock: The server's.
        script: The faults in force.
        log: Where requests are noted.
    """

    def __init__(self, app: ASGIApp, clock: Clock, script: FaultScript, log: RequestLog) -> None:
        self._app = app
        self._clock = clock
        self._script = script
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or not scope["path"].startswith(API):
            await self._app(scope, receive, send)
            return
        at_ms, status, used_weight = self._clock(), 0, 0

        async def watch(message: Message) -> None:
            nonlocal status, used_weight
            if message["type"] == "http.response.start":
                status = message["status"]
                used_weight = int(dict(message["headers"]).get(USED_WEIGHT, 0))
            await send(message)

        query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
        effects = self._script.effects(scope["path"].removeprefix(API), query, at_ms)
        try:
            if effects:
                await self._spoil(effects, scope, receive, watch, send)
            else:
                await self._app(scope, receive, watch)
        finally:
            self._log.note(
                at_ms=at_ms,
                client=(scope.get("client") or ("",))[0],
                path=scope["path"],
                query=scope["query_string"].decode("latin-1"),
                status=status,
                used_weight=used_weight,
            )

    async def _spoil(
        self, effects: list[Effect], scope: Scope, receive: Receive, send: Send, connection: Send
    ) -> None:
        answer = await _capture(self._app, scope, receive)
        for effect in effects:
            match effect:
                case Delay():
                    await asyncio.sleep(effect.seconds)
                case Hang():
                    await _until_gone(receive)
                    return
                case Reset():
                    # uvicorn has no API for it; its own send knows the socket.
                    connection.__self__.transport.abort()  # type: ignore[attr-defined]
                    await _until_gone(receive)
                    return
                case Answer():
                    answer = _Captured(
                        effect.status,
                        [
                            (b"content-type", effect.content_type.encode()),
                            *((k.lower().encode(), v.encode()) for k, v in effect.headers.items()),
                        ],
                        effect.body.encode(),
                    )
                case Rows() | Status():
                    _rewrite(answer, effect, self._clock())
                case Oversized():
                    await _send_endless(effect, answer, send)
                    return
                case CutShort() | Corrupt():
                    await _send_damaged(effect, answer, send)
                    return
                case Drip():
                    await _send_slowly(effect, answer, send)
                    return
        await _send(answer, send)


class _Captured:
    """An answer held back."""

    def __init__(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    def start(self, *, length: int | None, packed: bool = False) -> Message:
        """Return the message that begins it; without a length it ends with the connection."""
        headers = [pair for pair in self.headers if pair[0] != b"content-length"]
        if length is not None:
            headers.append((b"content-length", str(length).encode()))
        if packed:
            headers.append((b"content-encoding", b"gzip"))
        return {"type": "http.response.start", "status": self.status, "headers": headers}


async def _capture(app: ASGIApp, scope: Scope, receive: Receive) -> _Captured:
    messages: list[Message] = []

    async def keep(message: Message) -> None:
        messages.append(message)

    plain = [pair for pair in scope["headers"] if pair[0] != b"accept-encoding"]
    await app({**scope, "headers": plain}, receive, keep)
    body = b"".join(message.get("body", b"") for message in messages[1:])
    return _Captured(messages[0]["status"], list(messages[0]["headers"]), body)


def _rewrite(answer: _Captured, effect: Rows | Status, now_ms: int) -> None:
    content = json.loads(answer.body) if answer.status == HTTPStatus.OK else None
    if isinstance(effect, Rows) and isinstance(content, list):
        answer.body = json.dumps(spoil_rows(content, effect, now_ms)).encode()
    if isinstance(effect, Status) and isinstance(content, dict):
        answer.body = json.dumps(spoil_statuses(content, effect)).encode()


async def _send(answer: _Captured, send: Send) -> None:
    await send(answer.start(length=len(answer.body)))
    await send({"type": "http.response.body", "body": answer.body})


async def _send_damaged(effect: CutShort | Corrupt, answer: _Captured, send: Send) -> None:
    """Send what breaks off or does not unpack; a body left open makes uvicorn close."""
    if isinstance(effect, CutShort):
        body = gzip.compress(answer.body) if effect.packed else answer.body
        await send(answer.start(length=len(body), packed=effect.packed))
        half = body[: len(body) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})
        return
    packed = bytearray(gzip.compress(answer.body))
    packed[len(packed) // 2] ^= 0xFF
    await send(answer.start(length=len(packed), packed=True))
    await send({"type": "http.response.body", "body": bytes(packed)})


async def _send_slowly(effect: Drip, answer: _Captured, send: Send) -> None:
    await send(answer.start(length=len(answer.body)))
    for place in range(len(answer.body)):
        await asyncio.sleep(effect.seconds)
        part = answer.body[place : place + 1]
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _send_endless(effect: Oversized, answer: _Captured, send: Send) -> None:
    length = None if effect.packed else effect.megabytes * MEGABYTE
    await send(answer.start(length=length, packed=effect.packed))
    for part in _spaces(effect):
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def _spaces(effect: Oversized) -> Iterable[bytes]:
    blank = b" " * MEGABYTE
    if not effect.packed:
        yield from (blank for _ in range(effect.megabytes))
        return
    packer = zlib.compressobj(wbits=31)
    for _ in range(effect.megabytes):
        yield packer.compress(blank)
    yield packer.flush()


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
