"""The TOML file: shape, permissions, relative paths, several systems."""

from __future__ import annotations

from pathlib import Path

import pytest

from dr.configuration import load
from dr.configuration.file import read_file
from dr.errors import ConfigurationError
from tests.unit.configuration.conftest import Known


def write(path: Path, text: str, mode: int = 0o600) -> Path:
    """A file with that text and mode."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def test_a_file_gives_values_with_their_place_as_origin(tmp_path: Path, known: Known) -> None:
    """Each row says which table and key of which file it is from."""
    file = write(
        tmp_path / "dr.toml",
        "[system.main.retention]\nlocal_days = 30\n[system.main.objectives.database-corruption]\nrto_minutes = 7.5\n",
    )

    effective = load("main", file=file, environ=known.environ)

    assert effective.system.retention.local_days == 30
    assert ("retention.local_days", "30", f"file {file}, [system.main.retention] local_days") in effective.rows()
    assert (
        "objectives.database-corruption.rto_minutes",
        "7.5",
        f"file {file}, [system.main.objectives.database-corruption] rto_minutes",
    ) in effective.rows()


def test_relative_paths_lie_beside_the_file(tmp_path: Path, known: Known) -> None:
    """A configuration directory can be moved as a whole, and the working directory does not matter."""
    write(tmp_path / "etc" / "passphrase", known.passphrase + "\n")
    file = write(
        tmp_path / "etc" / "dr.toml",
        '[system.main.stores.local]\npath = "copies"\n'
        '[system.main.encryption]\npassphrase_file = "passphrase"\ngnupg_home = "gnupg"\n',
    )

    system = load("main", file=file, environ=known.without("BACKUP_ENCRYPTION_KEY")).system

    assert system.stores[0].path == tmp_path / "etc" / "copies"
    assert system.encryption.gnupg_home == tmp_path / "etc" / "gnupg"
    assert system.encryption.passphrase is not None
    assert system.encryption.passphrase.reveal() == known.passphrase


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620])
def test_a_file_with_secrets_that_others_may_read_is_refused(tmp_path: Path, known: Known, mode: int) -> None:
    """The error says how to close it, and does not repeat the secret."""
    file = write(tmp_path / "dr.toml", f'[system.main.postgres]\nurl = "{known.environ["DATABASE_URL"]}"\n', mode)

    with pytest.raises(ConfigurationError, match="others may read it") as caught:
        read_file(file)

    assert f"chmod 600 {file}" in caught.value.hint
    assert known.password not in str(caught.value)


def test_a_secret_of_another_system_in_the_file_counts_too(tmp_path: Path, known: Known) -> None:
    """The file as a whole is readable or not."""
    text = f'[system.a]\nauto_confirm = false\n[system.b.encryption]\npassphrase = "{known.passphrase}"\n'

    with pytest.raises(ConfigurationError, match="others may read it"):
        load("a", file=write(tmp_path / "dr.toml", text, 0o644), environ=known.environ)


@pytest.mark.parametrize(
    "text",
    [
        '[system.main.postgres]\nurl_env = "SOMEWHERE"\n',
        '[system.main.postgres]\nurl = "postgresql:///main"\n',
        '[system.main.encryption]\npassphrase_file = "/run/secrets/passphrase"\n',
    ],
)
def test_a_file_without_secrets_may_be_read_by_all(tmp_path: Path, text: str) -> None:
    """References, and connections that need no password, give nothing away."""
    assert "main" in read_file(write(tmp_path / "dr.toml", text, 0o644)).systems


def test_a_private_file_may_hold_its_secrets(tmp_path: Path, known: Known) -> None:
    """Mode 0600 is enough; the value is masked when shown."""
    text = (
        f'[system.main.postgres]\nurl = "{known.environ["DATABASE_URL"]}"\n'
        f'[system.main.encryption]\npassphrase = "{known.passphrase}"\n'
    )

    effective = load("main", file=write(tmp_path / "dr.toml", text), environ={})

    assert effective.system.postgres.url.reveal() == known.environ["DATABASE_URL"]
    assert known.password not in repr(effective)
    assert known.passphrase not in repr(effective)


@pytest.mark.incident("I38")
@pytest.mark.parametrize(
    "text",
    [
        "[system.main.retention]\n",
        '[system.main.retention]\nlocal_days = ""\n',
        "[system.main.objectives]\n",
        "[system.main.objectives.data-center-outage]\n",
        '[system.main]\nretention = ""\n',
    ],
)
def test_i38_emptying_a_promise_in_the_file_is_an_error(tmp_path: Path, known: Known, text: str) -> None:
    """An empty table, an empty value and a flattened section are all drops, and all refused."""
    with pytest.raises(ConfigurationError):
        load("main", file=write(tmp_path / "dr.toml", text), environ=known.environ)


def test_a_misspelt_key_names_the_file_and_the_nearest(tmp_path: Path, known: Known) -> None:
    """The operator can go straight to the line."""
    file = write(tmp_path / "dr.toml", "[system.main.postgres]\nphysicall = true\n")

    with pytest.raises(ConfigurationError) as caught:
        load("main", file=file, environ=known.environ)

    assert caught.value.hint == "Did you mean postgres.physical?"
    assert f"file {file}, [system.main.postgres] physicall" in caught.value.detail


@pytest.mark.parametrize(
    "text, message",
    [
        ("[systems.main]\n", r"top-level \[systems\]"),
        ("system = 3\n", "system is not a table"),
        ("[system]\nmain = 3\n", r"system\.main is not a table"),
        ("[system.main\n", "is not TOML"),
    ],
)
def test_a_file_of_another_shape_is_refused(tmp_path: Path, text: str, message: str) -> None:
    """Each with a sentence about what is wrong."""
    with pytest.raises(ConfigurationError, match=message):
        read_file(write(tmp_path / "dr.toml", text))


def test_a_missing_file_that_was_named_is_an_error(tmp_path: Path, known: Known) -> None:
    """Falling back to the environment would protect something else."""
    with pytest.raises(ConfigurationError, match="cannot read the configuration file"):
        load(environ=known.plus(DR_CONFIG=str(tmp_path / "absent.toml")))


def test_the_file_is_found_by_argument_then_variable_then_directory(tmp_path: Path, known: Known) -> None:
    """An argument beats DR_CONFIG, which beats ./dr.toml."""
    files = {
        days: write(tmp_path / name, f"[system.main.retention]\nlocal_days = {days}\n")
        for days, name in ((11, "argument.toml"), (12, "variable.toml"), (13, "dr.toml"))
    }
    environ = known.plus(DR_CONFIG=str(files[12]))

    assert load("main", file=files[11], environ=environ).system.retention.local_days == 11
    assert load("main", environ=environ).system.retention.local_days == 12
    assert load("main", environ=known.environ).system.retention.local_days == 13


def test_a_system_that_the_file_does_not_know_is_refused(tmp_path: Path, known: Known) -> None:
    """A mistyped name must not protect the environment's database under that name."""
    file = write(tmp_path / "dr.toml", "[system.main]\n[system.billing]\n")

    with pytest.raises(ConfigurationError, match="no system 'biling'") as caught:
        load("biling", file=file, environ=known.environ)

    assert caught.value.hint == "Did you mean billing?"


def test_a_file_with_one_system_needs_no_name_and_with_several_it_does(tmp_path: Path, known: Known) -> None:
    """Guessing among several would be gambling."""
    one = write(tmp_path / "one.toml", "[system.main]\nauto_confirm = true\n")
    two = write(tmp_path / "two.toml", "[system.main]\n[system.billing]\n")

    assert load(file=one, environ=known.environ).system.name == "main"
    assert load(file=two, environ=known.plus(DR_SYSTEM="billing")).system.name == "billing"
    with pytest.raises(ConfigurationError, match="several systems"):
        load(file=two, environ=known.environ)
