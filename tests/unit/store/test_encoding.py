"""Values become the bytes that the driver would make of them."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from cassandra.cqltypes import DateType, DecimalType, SimpleDateType
from hypothesis import given
from hypothesis import strategies as st

from include.store.encoding import encode_date, encode_decimal, encode_timestamp

VERSION = 5


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30))
def test_reads_back_the_decimal_with_every_digit(value):
    encoded = encode_decimal(value, VERSION)

    assert str(DecimalType.deserialize(encoded, VERSION)) == str(value)


@pytest.mark.parametrize(
    "text", ["0.00000001", "61234.12000000", "-0.5", "-1.28", "1E+3", "0E-8", "128", "1.0E-7"]
)
def test_makes_the_drivers_own_bytes_of_a_decimal(text):
    value = Decimal(text)

    assert encode_decimal(value, VERSION) == DecimalType.serialize(value, VERSION)


@given(
    st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2200, 1, 1))  # noqa: DTZ001
)
def test_makes_the_drivers_own_bytes_of_whole_milliseconds(moment):
    aware = moment.replace(microsecond=moment.microsecond // 1000 * 1000, tzinfo=UTC)

    assert encode_timestamp(aware, VERSION) == DateType.serialize(aware, VERSION)


@given(st.dates())
def test_makes_the_drivers_own_bytes_of_a_day(day):
    assert encode_date(day, VERSION) == SimpleDateType.serialize(day, VERSION)


@pytest.mark.parametrize("text", ["NaN", "Infinity"])
def test_refuses_a_decimal_that_is_no_number(text):
    with pytest.raises((ValueError, TypeError)):
        encode_decimal(Decimal(text), VERSION)
