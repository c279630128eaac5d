"""A proxy that reads whom a TLS client wants and passes the connection on unopened."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

CHUNK_BYTES = 65536
# Far more than a ClientHello has.
LONGEST_HELLO_BYTES = 65536

Address = tuple[str, int]


@dataclass(frozen=True)
class Hello:
    """What the first message of a TLS client says.

    Attributes:
        server_name: The server it wants (SNI); None when it does not say.
        refusal: The TLS alert `unrecognized_name` in answer to it.
    """

    server_name: str | None
    refusal: bytes


def read_hello(received: bytes) -> Hello | None:
    """Read a ClientHello from the first bytes of a connection; None when some are missing.

    Raises:
        ssl.SSLError: They begin no TLS connection.
    """
    names: list[str | None] = []

    def refuse(_: object, name: str | None, __: ssl.SSLContext) -> int:
        names.append(name)
        return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sni_callback = refuse
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    incoming.write(received)
    try:
        context.wrap_bio(incoming, outgoing, server_side=True).do_handshake()
    except ssl.SSLWantReadError:
        return None
    except ssl.SSLError:
        if not names:
            raise
    return Hello(names[0], outgoing.read())


async def route(
    nodes: Mapping[str, Address], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Serve one connection, until either side ends it, with the node that its ClientHello names.

    Args:
        nodes: The address of each node, by name; any other name is refused.
        reader: From the client.
        writer: To the client.
    """
    # Either side may vanish at any moment; then the other is let go.
    with suppress(OSError):
        received = b""
        hello = None
        while hello is None and len(received) < LONGEST_HELLO_BYTES:
            if not (part := await reader.read(CHUNK_BYTES)):
                break
            received += part
            hello = read_hello(received)
        if hello is not None and (node := nodes.get(hello.server_name or "")):
            from_node, to_node = await asyncio.open_connection(*node)
            to_node.write(received)
            await asyncio.gather(_pump(reader, to_node), _pump(from_node, writer))
        elif hello is not None:
            writer.write(hello.refusal)
            await writer.drain()
    writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy what comes until it ends, and end the other side, too."""
    try:
        while part := await reader.read(CHUNK_BYTES):
            writer.write(part)
            await writer.drain()
    finally:
        writer.close()
