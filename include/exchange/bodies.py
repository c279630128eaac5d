"""Read the body of a possibly hostile response: bounded in time and in size, also unpacked."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import httpx

from include.records.errors import InvalidAnswerError, RetryableError

GZIP_WBITS = 31


def read_body(
    response: httpx.Response, longest_bytes: int, seconds_left: Callable[[], float]
) -> bytes:
    """Return the body of a streamed response, unpacked.

    Args:
        response: Not read yet; its request allowed gzip and nothing else.
        longest_bytes: Most bytes, unpacked; memory stays within twice that.
        seconds_left: Until the body is no longer useful.

    Raises:
        InvalidAnswerError: It is longer, or has another encoding.
        RetryableError: It is damaged, truncated, or does not end in time.
    """
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"identity", "gzip"}:
        raise InvalidAnswerError("the exchange's answer has an encoding not requested", encoding)
    unpacker = zlib.decompressobj(GZIP_WBITS) if encoding == "gzip" else None
    body = bytearray()
    for part in response.iter_raw():
        if seconds_left() <= 0:
            raise RetryableError(
                f"the exchange's answer did not end in time; {len(body)} bytes had arrived"
            )
        body += _unpacked(unpacker, part, longest_bytes + 1 - len(body)) if unpacker else part
        if len(body) > longest_bytes:
            raise InvalidAnswerError(
                f"the exchange's answer is longer than {longest_bytes} bytes", bytes(body[:80])
            )
    if unpacker and not unpacker.eof and body:
        raise RetryableError(f"the exchange's answer was cut short after {len(body)} bytes")
    return bytes(body)


def _unpacked(unpacker: zlib._Decompress, part: bytes, longest_bytes: int) -> bytes:
    try:
        return unpacker.decompress(part, longest_bytes)
    except zlib.error as error:
        raise RetryableError(f"the exchange's answer is damaged ({error})") from error
