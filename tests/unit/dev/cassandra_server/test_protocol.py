from dev.cassandra_server.protocol import OPTIONS, frame, login, startup


def test_asks_for_options_in_nine_bytes():
    assert frame(OPTIONS) == bytes((4, 0, 0, 0, 5, 0, 0, 0, 0))


def test_opens_with_the_version_of_cql():
    """A map of one pair; each word has its length before it in two bytes."""
    assert startup()[9:] == b"\0\1\0\x0bCQL_VERSION\0\x053.0.0"


def test_tells_role_and_password_as_sasl_plain():
    """Twelve bytes: nothing, role, password, each but the first after a zero."""
    assert login("name", "secret")[9:] == b"\0\0\0\x0c\0name\0secret"
