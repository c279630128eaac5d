"""The servers of the stand-in for Astra: metadata over HTTPS, and the proxy before the nodes."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from dev.machine.ports import LOOPBACK
from tests.servers.sni_proxy import Address, route


class AstraService:
    """Both servers, on free ports of the loopback address, in one thread of their own.

    Args:
        nodes: The address of each node, by host id.
        datacenter: Of the nodes.
        tls: Of the metadata service.

    Attributes:
        announced: The host ids that the metadata service names.
        metadata_port: Where the metadata service answers.
        proxy_port: Where the proxy listens.
    """

    def __init__(self, nodes: Mapping[str, Address], datacenter: str, tls: ssl.SSLContext) -> None:
        self.announced = tuple(nodes)
        self.metadata_port = 0
        self.proxy_port = 0
        self._nodes = nodes
        self._datacenter = datacenter
        self._tls = tls
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="astra", daemon=True)

    def start(self) -> None:
        """Start both; they serve until `stop`."""
        self._thread.start()
        self._run(self._open())

    def stop(self) -> None:
        """Stop both, and cut what connections there are."""
        self._run(self._cut_connections())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def open_metadata(self) -> None:
        """Open the metadata service, on the port that it had."""
        self._run(self._open_metadata())

    def close_metadata(self) -> None:
        """Let connections to the metadata service's port be refused."""
        self._run(self._close_metadata())

    def metadata(self) -> dict[str, Any]:
        """Return what the metadata service tells, as the driver's cloud support reads it."""
        return {
            "version": 1,
            "region": "local",
            "contact_info": {
                "type": "sni_proxy",
                "local_dc": self._datacenter,
                "sni_proxy_address": f"{LOOPBACK}:{self.proxy_port}",
                "contact_points": list(self.announced),
            },
        }

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _open(self) -> None:
        self._proxy = await asyncio.start_server(partial(route, self._nodes), LOOPBACK, 0)
        self.proxy_port = self._proxy.sockets[0].getsockname()[1]
        await self._open_metadata()

    async def _open_metadata(self) -> None:
        self._metadata = await asyncio.start_server(
            self._answer, LOOPBACK, self.metadata_port, ssl=self._tls
        )
        self.metadata_port = self._metadata.sockets[0].getsockname()[1]

    async def _close_metadata(self) -> None:
        self._metadata.close()

    async def _cut_connections(self) -> None:
        self._proxy.close()
        await self._close_metadata()
        serving = asyncio.all_tasks() - {asyncio.current_task()}
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            request = await reader.readuntil(b"\r\n\r\n")
            is_known = request.startswith(b"GET /metadata ")
            body = json.dumps(self.metadata() if is_known else {}).encode()
            writer.write(
                f"HTTP/1.1 {'200 OK' if is_known else '404 Not Found'}\r\n"
                "Content-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\n"
                "Connection: close\r\n\r\n".encode()
                + body
            )
            await writer.drain()
        writer.close()
