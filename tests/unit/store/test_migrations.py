import pytest

from include.records.batches import BATCH_LOG_DAYS
from include.records.errors import SettingsError
from include.store.migrations import SCHEMA_FOLDER, Migration, due, migrations
from include.store.statements import QUERY_FOLDER

ONE = Migration(1, "001_one.cql", "CREATE TABLE IF NOT EXISTS one (id int PRIMARY KEY);")
TWO = Migration(2, "002_two.cql", "ALTER TABLE one ADD IF NOT EXISTS more int;")
FILES = sorted([*SCHEMA_FOLDER.glob("*.cql"), *QUERY_FOLDER.glob("*.cql")])


def write(folder, *names):
    for name in names:
        (folder / name).write_text("-- Nothing.\nCREATE TABLE IF NOT EXISTS nothing;\n")


def test_numbers_the_projects_own_files_without_a_hole():
    assert [migration.version for migration in migrations()] == list(range(len(migrations())))


@pytest.mark.parametrize(
    "names",
    [("000_a.cql", "002_b.cql"), ("000_a.cql", "000_b.cql"), ("000_a.cql", "later_b.cql")],
    ids=["a hole", "a number twice", "no number"],
)
def test_refuses_files_that_are_not_numbered_in_order(tmp_path, names):
    write(tmp_path, *names)

    with pytest.raises(SettingsError, match=f"{names[1]} should be number 001"):
        migrations(tmp_path)


def test_applies_what_was_not_applied_in_order():
    assert due([ONE, TWO], {}) == [ONE, TWO]
    assert due([ONE, TWO], {1: ONE.checksum}) == [TWO]
    assert due([ONE, TWO], {1: ONE.checksum, 2: TWO.checksum}) == []


def test_leaves_versions_alone_that_only_newer_code_knows():
    """A worker of the version before still runs while a deployment goes on."""
    assert due([ONE], {1: ONE.checksum, 2: TWO.checksum}) == []


def test_refuses_an_applied_version_that_reads_differently():
    changed = Migration(1, ONE.name, ONE.statement.replace("int", "text"))

    with pytest.raises(SettingsError, match=r"001_one\.cql was changed .* next number"):
        due([changed, TWO], {1: ONE.checksum})


def test_lets_comments_and_layout_change():
    reworded = f"-- What it is for.\n\n  {ONE.statement.replace(' (', '  (')} -- here, too\n"

    assert Migration(1, ONE.name, reworded).checksum == ONE.checksum


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_each_file_is_one_explained_statement(file):
    text = file.read_text(encoding="utf-8")
    code = "\n".join(line.partition("--")[0] for line in text.splitlines())

    assert text.startswith("-- ")
    assert code.strip().rstrip(";").count(";") == 0
    assert "ALLOW FILTERING" not in text
    assert "SELECT *" not in text
    assert "CREATE INDEX" not in text


@pytest.mark.parametrize("migration", migrations(), ids=lambda migration: migration.name)
def test_each_version_may_be_applied_again(migration):
    """A worker may die between applying a version and recording it."""
    assert "IF NOT EXISTS" in migration.statement or migration.added_columns


def test_knows_the_columns_that_a_version_adds():
    adds = Migration(1, "001.cql", "-- More.\nALTER TABLE one ADD (more int, -- a, b\n most text);")

    assert adds.added_columns == ("one", ("more", "most"))
    assert ONE.added_columns is None


def test_the_batch_log_keeps_as_many_days_as_the_pages_say():
    text = (SCHEMA_FOLDER / "007_batch_log.cql").read_text()

    assert f"default_time_to_live = {BATCH_LOG_DAYS * 86_400};" in text
