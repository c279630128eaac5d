"""Values as the bytes that Cassandra takes: as the driver makes them, several times faster."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from cassandra.cluster import PreparedStatement
from cassandra.cqltypes import DateType, DecimalType
from cassandra.query import BoundStatement

from include.marketdata.errors import UnstorableValueError

Encoder = Callable[[Any, int], bytes]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def bind(
    statement: PreparedStatement, values: Sequence[object], *, absent: object = None
) -> BoundStatement:
    """Bind a row's values.

    Args:
        statement: What to bind to.
        values: One for each of its marks.
        absent: What stands for None: None deletes what is there, UNSET_VALUE leaves a new row
            without the cell, and the table without a tombstone.

    Raises:
        UnstorableValueError: A value does not fit its column.
    """
    bound = BoundStatement(statement)
    bound.values = [
        absent if value is None else _encoded(column, value, statement.protocol_version)
        for column, value in zip(statement.column_metadata, values, strict=True)
    ]
    return bound


def _encoded(column: Any, value: object, protocol_version: int) -> bytes:  # noqa: ANN401 - the driver's
    encode = ENCODERS.get(column.type, column.type.serialize)
    try:
        encoded: bytes = encode(value, protocol_version)
    except (TypeError, ValueError, AttributeError, OverflowError, struct.error) as error:
        raise UnstorableValueError(
            f"{value!r:.100} does not fit the column {column.name} of the table "
            f"{column.keyspace_name}.{column.table_name} ({column.type.typename}): {error}"
        ) from error
    return encoded


def encode_decimal(value: Decimal, protocol_version: int) -> bytes:
    """Return a decimal as its scale (four bytes) and its mantissa, every digit kept.

    Raises:
        ValueError: It is not finite.
    """
    whole, point, fraction = format(value, "f").partition(".")
    if not point:
        # A whole number may have been written with an exponent, which belongs to its digits.
        serialized: bytes = DecimalType.serialize(value, protocol_version)
        return serialized
    mantissa = int(whole + fraction)
    bits = (mantissa if mantissa >= 0 else ~mantissa).bit_length()
    return len(fraction).to_bytes(4) + mantissa.to_bytes(bits // 8 + 1, signed=True)


def encode_timestamp(value: datetime, _protocol_version: int) -> bytes:
    """Return an aware time as milliseconds since 1970, what is below them cut off."""
    return ((value - _EPOCH) // _MILLISECOND).to_bytes(8, signed=True)


ENCODERS: dict[object, Encoder] = {DecimalType: encode_decimal, DateType: encode_timestamp}
