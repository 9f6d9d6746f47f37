"""All layers together: who wins, what is refused, what is shown."""

from __future__ import annotations

import pickle
import secrets
import subprocess
import sys
from pathlib import Path

import pytest

from dr.configuration import Layer, load
from dr.configuration.layers import make_layer
from dr.errors import ConfigurationError
from dr.pipeline.launch import child_environment
from tests.unit.configuration.conftest import Known

ROOT = Path(__file__).parents[3]


def block_layer(**values: object) -> Layer:
    """A Block's layer; two underscores in a name stand for the dot."""
    keys = {key.replace("__", "."): raw for key, raw in values.items()}
    return make_layer(keys, lambda key: "Block protected-system/main", base=Path.cwd(), blank_is_absent=True)


def test_arguments_beat_the_block_the_file_the_environment_and_the_defaults(tmp_path: Path, known: Known) -> None:
    """Taking the layers away one by one shows the order, and the origin of the winner each time."""
    file = tmp_path / "dr.toml"
    file.write_text("[system.main.retention]\nlocal_days = 3\n")
    environ = known.plus(BACKUP_RETENTION_DAYS="4")
    block = block_layer(retention__local_days=2)

    effective = [
        load("main", environ=environ, block_layer=block, overrides={"retention.local_days": "1"}),
        load("main", environ=environ, block_layer=block),
        load("main", environ=environ),
    ]
    file.unlink()
    effective += [load("main", environ=environ), load("main", environ=known.environ)]

    assert [item.system.retention.local_days for item in effective] == [1, 2, 3, 4, 7]
    assert [{row[0]: row[2] for row in item.rows()}["retention.local_days"] for item in effective] == [
        "argument retention.local_days",
        "Block protected-system/main",
        "file dr.toml, [system.main.retention] local_days",
        "environment BACKUP_RETENTION_DAYS",
        "default",
    ]


def test_no_encryption_is_an_error_with_both_ways_out(known: Known) -> None:
    """Backups are never unencrypted, and nobody has to look up how."""
    with pytest.raises(ConfigurationError, match="no encryption is configured") as caught:
        load(environ=known.without("BACKUP_ENCRYPTION_KEY"))

    assert "BACKUP_ENCRYPTION_KEY" in caught.value.hint
    assert "encryption.recipients" in caught.value.hint


def test_looking_and_writing_canary_rows_need_no_encryption(known: Known) -> None:
    """What makes and reads no backup asks for no key; the server may still be wanted."""
    environ = known.without("BACKUP_ENCRYPTION_KEY")

    system = load(environ=environ, require_encryption=False).system

    assert system.postgres.configured
    assert (system.encryption.recipients, system.encryption.passphrase) == ((), None)
    with pytest.raises(ConfigurationError, match="no encryption is configured"):
        load(environ=environ, require_postgres=False)


def test_keys_that_only_decrypt_do_not_make_backups_possible(known: Known) -> None:
    """A GnuPG home or a secret key names nobody to encrypt to."""
    environ = {**known.without("BACKUP_ENCRYPTION_KEY"), "GNUPGHOME": "/etc/gnupg"}

    with pytest.raises(ConfigurationError, match="no encryption is configured"):
        load(environ=environ)
    assert load(environ=environ, require_postgres=False).system.encryption.gnupg_home == Path("/etc/gnupg")


@pytest.mark.parametrize("length", [1, 11])
def test_a_short_passphrase_is_refused_and_not_repeated(known: Known, length: int) -> None:
    """Less than 12 characters can be guessed."""
    short = secrets.token_hex(8)[:length]

    with pytest.raises(ConfigurationError, match="at least 12 characters") as caught:
        load(environ=known.plus(BACKUP_ENCRYPTION_KEY=short))

    assert length < 3 or short not in str(caught.value)


def test_a_missing_server_is_an_error_for_backups(known: Known) -> None:
    """The hint names the variable."""
    with pytest.raises(ConfigurationError, match="no PostgreSQL server") as caught:
        load(environ=known.without("DATABASE_URL"))

    assert "DATABASE_URL" in caught.value.hint


def test_restoring_needs_no_server_and_cannot_reach_one_by_mistake(known: Known) -> None:
    """Where the URL may be absent, using it raises; an empty one would make libpq connect to some local default."""
    postgres = load(environ=known.without("DATABASE_URL"), require_postgres=False).system.postgres

    assert postgres.configured is False
    with pytest.raises(ConfigurationError, match=r"postgres\.url is not configured"):
        pickle.loads(pickle.dumps(postgres)).url.reveal()


def test_a_bad_url_is_refused_without_being_repeated(known: Known) -> None:
    """The message says what form is wanted and where the value is from."""
    with pytest.raises(ConfigurationError, match="environment DATABASE_URL") as caught:
        load(environ=known.plus(DATABASE_URL=f"mysql://app:{known.password}@db/main"))

    assert known.password not in str(caught.value)


def test_a_reference_to_nothing_is_an_error_that_names_it(known: Known) -> None:
    """An unset variable or a missing file is not an empty secret."""
    with pytest.raises(ConfigurationError, match="environment variable ABSENT, which is not set"):
        load(environ=known.environ, overrides={"encryption.passphrase_env": "ABSENT"})
    with pytest.raises(ConfigurationError, match="absent, and that failed: No such file"):
        load(environ=known.environ, overrides={"encryption.passphrase_file": "absent"})


def test_a_reference_that_is_overridden_is_not_followed(known: Known) -> None:
    """A lower layer's missing file does not stop a run that has the value from above."""
    block = block_layer(encryption__passphrase_file="/absent")

    effective = load(
        environ=known.environ, block_layer=block, overrides={"encryption.passphrase_env": "BACKUP_ENCRYPTION_KEY"}
    )

    assert effective.system.encryption.passphrase is not None


def test_nothing_secret_is_shown(known: Known) -> None:
    """Rows, repr and str hold neither password nor passphrase nor key nor webhook; the rows say which server."""
    key, hook = secrets.token_hex(12), secrets.token_hex(12)
    environ = known.plus(
        AWS_BACKUP_BUCKET="copies",
        AWS_ACCESS_KEY_ID="AKID",
        AWS_SECRET_ACCESS_KEY=key,
        NOTIFICATION_WEBHOOK=f"https://hooks.example/{hook}",
    )

    effective = load(environ=environ)

    shown = f"{effective.rows()}{effective!r}{effective}"
    assert not [value for value in (known.password, known.passphrase, key, hook) if value in shown]
    assert "postgresql://app:********@db:5432/main" in shown


def test_stores_of_a_file_replace_the_default_one(tmp_path: Path, known: Known) -> None:
    """Who says where copies live does not get another place besides."""
    file = tmp_path / "dr.toml"
    file.write_text('[system.main.stores.offsite]\nbucket = "copies"\nregion = "eu-west-1"\n')

    assert [store.name for store in load("main", file=file, environ=known.environ).system.stores] == ["offsite"]


def test_an_argument_about_one_store_keeps_the_others(known: Known) -> None:
    """`--set` on the bucket's prefix does not drop the local copies."""
    effective = load(environ=known.plus(AWS_BACKUP_BUCKET="copies"), overrides={"stores.cloud.prefix": "eu"})

    assert [(store.name, store.prefix) for store in effective.system.stores] == [("local", ""), ("cloud", "eu")]


def test_two_layers_that_mean_different_stores_by_one_name_are_refused(tmp_path: Path, known: Known) -> None:
    """A local `cloud` in the file and a bucket in the environment are not one store."""
    file = tmp_path / "dr.toml"
    file.write_text('[system.main.stores.cloud]\nkind = "local"\npath = "copies"\n')

    with pytest.raises(ConfigurationError, match=r"stores\.cloud\.bucket does not fit a local store") as caught:
        load("main", file=file, environ=known.plus(AWS_BACKUP_BUCKET="copies"))

    assert "environment AWS_BACKUP_BUCKET" in caught.value.detail
    assert f"file {file}" in caught.value.detail


@pytest.mark.parametrize(
    "overrides, missing",
    [({"stores.x.kind": "s3"}, "stores.x.bucket"), ({"stores.x.kind": "local"}, "stores.x.path")],
)
def test_an_incomplete_store_is_refused(known: Known, overrides: dict[str, str], missing: str) -> None:
    """The error names the key to add."""
    with pytest.raises(ConfigurationError, match=f"{missing} is missing"):
        load(environ=known.environ, overrides=overrides)


def test_a_store_with_credentials_of_its_own_gets_none_of_the_common_ones(known: Known) -> None:
    """Two accounts are never mixed, and a profile is not mixed with keys."""
    environ = known.plus(AWS_ACCESS_KEY_ID="COMMON", AWS_SECRET_ACCESS_KEY=known.password, OTHER=secrets.token_hex(8))
    overrides = {
        "stores.a.bucket": "a",
        "stores.b.bucket": "b",
        "stores.b.access_key_id": "OWN",
        "stores.b.secret_access_key_env": "OTHER",
        "stores.c.bucket": "c",
        "stores.c.profile": "elsewhere",
    }

    stores = {store.name: store for store in load(environ=environ, overrides=overrides).system.stores}

    assert (stores["a"].access_key_id, stores["b"].access_key_id, stores["c"].access_key_id) == ("COMMON", "OWN", None)
    with pytest.raises(ConfigurationError, match="a profile and an access key"):
        load(environ=environ, overrides={**overrides, "stores.b.profile": "elsewhere"})


def test_a_system_name_that_cannot_be_a_directory_is_refused(known: Known) -> None:
    """The name becomes a prefix in every store."""
    with pytest.raises(ConfigurationError, match=r"system name '\.\./etc'"):
        load("../etc", environ=known.environ)


def test_the_configuration_survives_a_process_border(known: Known) -> None:
    """Systems pickle, secrets included."""
    system = load(environ=known.environ).system

    assert pickle.loads(pickle.dumps(system)) == system


def test_loading_pulls_in_nothing_heavy() -> None:
    """`dr --help` and a recovery begin at once: no boto3, psycopg, Prefect or pydantic on the way."""
    code = (
        "import sys, dr.configuration; "
        "print(sorted({'boto3', 'botocore', 'psycopg', 'prefect', 'pydantic'} & set(sys.modules)))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )

    assert done.stdout.strip() == "[]"


def test_a_variable_that_holds_a_secret_is_given_to_no_child(known, monkeypatch):
    """Whatever it is called: a renewal command or a git helper has no business with it."""
    environ = {**known.environ, "SHOP_REDIS": "redis://:hidden@cache.example.org"}

    load(environ=environ, overrides={"redis.url_env": "SHOP_REDIS"})

    monkeypatch.setenv("SHOP_REDIS", "redis://:hidden@cache.example.org")
    monkeypatch.setenv("HARMLESS", "1")
    inherited = child_environment({})

    assert "SHOP_REDIS" not in inherited
    assert inherited["HARMLESS"] == "1"
