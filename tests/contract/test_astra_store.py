"""The store through a secure connect bundle, as with DataStax Astra (a stand-in for it here)."""

from dataclasses import replace

import pytest

from include.records.errors import RetryableError, SettingsError
from include.records.windows import MINUTE, Window
from include.store.schema import migrate
from include.store.session import SESSIONS
from include.store.settings import CassandraSettings
from include.store.store import connect
from tests.contract.secure_fixtures import ASTRA_KEYSPACE, ASTRA_TOKEN
from tests.fakes.builders import NOON, average, full_minute


@pytest.fixture
def settings(astra):
    yield CassandraSettings(
        keyspace=ASTRA_KEYSPACE,
        login="token",
        password=ASTRA_TOKEN,
        secure_connect_bundle=str(astra.bundle()),
        patience_seconds=60.0,
    )
    SESSIONS.close()


def test_makes_its_tables_and_works_through_the_bundle(settings):
    migrate(settings)
    store = connect(settings)

    store.second_prices.write(full_minute(NOON), NOON)
    written = store.minute_prices.append([average(NOON)], NOON + MINUTE)

    window = Window(NOON, NOON + MINUTE)
    assert store.second_prices.between("BTCUSDT", window) == full_minute(NOON)
    assert store.minute_prices.between("BTCUSDT", window) == written
    assert migrate(settings) == []


def test_never_makes_a_keyspace_there(settings):
    with pytest.raises(SettingsError, match=r"'nowhere'.*add it in the Astra console"):
        migrate(replace(settings, keyspace="nowhere"))


def test_refuses_a_wrong_token_at_once(settings):
    with pytest.raises(SettingsError, match="refuses the login 'token'"):
        connect(replace(settings, password="AstraCS:wrong", patience_seconds=600.0))


def test_says_that_the_bundle_is_no_zip_file(settings, astra):
    corrupt = str(astra.corrupt_bundle())

    with pytest.raises(SettingsError, match="not a readable zip file; download"):
        connect(replace(settings, secure_connect_bundle=corrupt))


def test_says_that_there_is_no_bundle(settings):
    with pytest.raises(SettingsError, match=r"'/nowhere\.zip'.*not a readable zip file"):
        connect(replace(settings, secure_connect_bundle="/nowhere.zip"))


def test_refuses_a_bundle_of_another_authority(settings, astra):
    foreign = str(astra.foreign_bundle())

    with pytest.raises(SettingsError, match="no safe connection"):
        connect(replace(settings, secure_connect_bundle=foreign))


def test_is_patient_while_the_metadata_service_is_down(settings, astra):
    with astra.metadata_down(), pytest.raises(RetryableError, match="did not answer for 3 s"):
        connect(replace(settings, patience_seconds=3.0))


def test_is_patient_while_the_proxy_knows_no_node(settings, astra):
    with astra.unknown_node(), pytest.raises(RetryableError, match="did not answer for 3 s"):
        connect(replace(settings, patience_seconds=3.0))
