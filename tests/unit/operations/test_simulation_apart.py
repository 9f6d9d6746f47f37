"""A disaster takes nothing that another system lives on, under whatever name that system knows it."""

from __future__ import annotations

from pathlib import Path

import pytest

from dr.configuration.components import ComponentSettings
from dr.configuration.components.files import FilesSettings
from dr.configuration.model import EncryptionSettings, PostgresSettings, StoreSettings, System
from dr.configuration.procedures import ProcedureSettings
from dr.configuration.procedures.recovery import RecoverySettings
from dr.configuration.procedures.services import ServiceSettings
from dr.configuration.procedures.simulation import SimulationSettings
from dr.errors import TargetRefused
from dr.operations.simulate.apart import refuse_what_is_others
from dr.secret import Secret

pytestmark = pytest.mark.incident("I4")


def system(
    name: str,
    place: Path,
    *services: ServiceSettings,
    files: tuple[Path, ...] = (),
    data: Path | None = None,
    paths: tuple[Path, ...] = (),
    allowed: bool = False,
) -> System:
    """A system of this host with its own state and copies."""
    return System(
        name=name,
        postgres=PostgresSettings(Secret("postgresql://nobody@127.0.0.1:9/none")),
        stores=(StoreSettings("local", "local", path=place / name / "copies"),),
        encryption=EncryptionSettings(secret_key_file=place / name / "keys" / "secret.asc"),
        components=ComponentSettings(files=FilesSettings(directories=files)),
        procedures=ProcedureSettings(
            services=services,
            recovery=RecoverySettings(data_directory=data),
            simulation=SimulationSettings(allowed=allowed, paths=paths),
        ),
        state_directory=place / name / "state",
    )


def refusal(test: System, prod: System, kill: tuple[str, ...] = (), take: tuple[Path, ...] = ()) -> str:
    """With what it is refused; empty when it is not."""
    try:
        refuse_what_is_others(test, kill, take, (prod,))
    except TargetRefused as error:
        return error.detail
    return ""


@pytest.mark.parametrize(
    ("take", "refused"),
    [
        ("srv", True),  # above production's uploads
        ("srv/uploads/2026", True),  # in them
        ("srv/uploads", True),
        ("srv/uploads-test", False),
        ("prod/state/services", True),
        ("prod/copies/prod", True),
        ("prod/keys", True),
        ("data/base", True),
        ("certificates", True),
        ("app", True),
        ("app/test", False),
    ],
)
def test_a_path_that_holds_production_s_or_lies_in_it(tmp_path: Path, take: str, refused: bool) -> None:
    """Uploads, state, copies, keys, data, paths of a simulation, what a service runs: all that it names."""
    web = ServiceSettings(
        "web", driver="process", command=("/bin/true",), environment_file=tmp_path / "app/environment"
    )
    prod = system(
        *("prod", tmp_path, web),
        files=(tmp_path / "srv" / "uploads",),
        data=tmp_path / "data",
        paths=(tmp_path / "certificates" / "shop.pem",),
    )

    said = refusal(system("test", tmp_path), prod, take=(tmp_path / take,))

    assert bool(said) is refused
    assert not refused or "prod's" in said


def test_a_path_by_another_name(tmp_path: Path) -> None:
    """A link to production's uploads, and a link that production's uploads lie behind."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "real" / "out").symlink_to(tmp_path / "elsewhere")
    test = system("test", tmp_path)

    assert refusal(test, system("prod", tmp_path, files=(tmp_path / "real" / "2026",)), take=(tmp_path / "link",))
    assert refusal(test, system("prod", tmp_path, files=(tmp_path / "real" / "out",)), take=(tmp_path / "real",))
    assert refusal(test, system("prod", tmp_path, files=(tmp_path / "real",)), take=(tmp_path / "link" / "out",))


def test_what_is_a_test_system_itself_may_go_too(tmp_path: Path) -> None:
    """And what is this system's own is nobody else's."""
    own = system("test", tmp_path, files=(tmp_path / "srv",))

    assert not refusal(own, own, take=(tmp_path / "srv",))
    assert not refusal(
        own, system("other", tmp_path, files=(tmp_path / "srv",), allowed=True), take=(tmp_path / "srv",)
    )


def compose(place: Path, project: str = "") -> ServiceSettings:
    """A service of Compose in a directory called ``app``."""
    place.mkdir(parents=True)
    (place / "compose.yaml").write_text(f"name: {project}\nservices: {{}}\n" if project else "services: {}\n")
    return ServiceSettings("web", driver="compose", directory=place)


UNIT = ServiceSettings("web", unit="shop-web")
POD = ServiceSettings("web", driver="kubernetes", context="one", namespace="shop")
RUN = ServiceSettings("web", driver="process", command=("serve", "--all"))


@pytest.mark.parametrize(
    ("mine", "theirs", "same"),
    [
        (UNIT, ServiceSettings("front", unit="shop-web.service"), True),
        (UNIT, ServiceSettings("front", unit="shop-web", user_manager=True), False),
        (UNIT, ServiceSettings("web"), False),
        (POD, ServiceSettings("front", driver="kubernetes", unit="deploy/web", context="one", namespace="shop"), True),
        (POD, ServiceSettings("web", driver="kubernetes", unit="deployments.apps/web"), True),
        (POD, ServiceSettings("web", driver="kubernetes", context="one", namespace="test"), False),
        (POD, ServiceSettings("web", driver="kubernetes", context="two", namespace="shop"), False),
        (RUN, ServiceSettings("front", driver="process", command=("serve", "--all")), True),
        (RUN, ServiceSettings("front", driver="process", command=("serve", "--test")), False),
        (RUN, ServiceSettings("web"), False),
    ],
)
def test_a_service_that_is_production_s_too(
    tmp_path: Path, mine: ServiceSettings, theirs: ServiceSettings, same: bool
) -> None:
    """By what runs it and what that calls it; a context or namespace that is left out may be any."""
    test, prod = system("test", tmp_path, mine), system("prod", tmp_path, theirs)

    said = refusal(test, prod, kill=("web",))

    assert bool(said) is same
    assert not same or f"service web is prod's {theirs.name}" in said
    assert not refusal(test, prod)  # what is not killed may be shared


def test_a_service_of_compose_is_known_by_its_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That is the directory's name unless another is given; Compose would stop the other's containers."""
    monkeypatch.delenv("COMPOSE_PROJECT_NAME", raising=False)
    mine = system("test", tmp_path, compose(tmp_path / "a" / "app"))
    same = system("prod", tmp_path, compose(tmp_path / "b" / "app"))
    named = system("prod", tmp_path, compose(tmp_path / "c" / "shop", "app"))
    other = system("prod", tmp_path, compose(tmp_path / "d" / "shop", "store"))

    assert refusal(mine, same, kill=("web",))
    assert refusal(mine, named, kill=("web",))
    assert not refusal(mine, other, kill=("web",))
