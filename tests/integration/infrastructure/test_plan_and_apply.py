"""Infrastructure with the real program: planned, agreed to, made exactly so, and never destroyed unasked."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from dr.configuration.components import ComponentSettings
from dr.configuration.components.terraform import TerraformSettings
from dr.errors import InfrastructureError, TargetRefused, ToolError
from dr.operations.infrastructure import (
    InfrastructureMade,
    InfrastructurePlan,
    apply_infrastructure,
    plan_infrastructure,
)
from dr.operations.infrastructure.kept_outputs import keep_outputs, kept_outputs
from tests.integration.components.states import module, required_terraform, terraform
from tests.integration.infrastructure.site import CODE, HUSH, Site

pytestmark = pytest.mark.usefixtures("program")
FIRST, SECOND = "terraform_data.first[0]", "terraform_data.second[0]"


@pytest.fixture(scope="module")
def program() -> str:
    """Terraform or OpenTofu."""
    return required_terraform()


def test_a_plan_tells_every_address_and_makes_nothing(tmp_path: Path) -> None:
    """With disaster_recovery=true: without it the module makes nothing at all."""
    site = Site(tmp_path)

    plan = site.plan()

    assert plan.needed
    assert plan.intent.adds == (FIRST, SECOND)
    assert plan.variables == ("disaster_recovery", "gate")
    assert plan.described()[0].endswith("2 to add")
    assert f"  + {FIRST}" in plan.described()
    assert not (site.module / "terraform.tfstate").exists()


def test_no_secret_leaves_the_plans_file_and_only_its_owner_reads_that(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the plan nor what was made, as they go into the journal, nor a log."""
    site = Site(tmp_path)
    with caplog.at_level(logging.DEBUG):
        plan = site.plan()
        file = Path(plan.file)
        modes = (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777)
        made = apply_infrastructure(site.system(), plan)

    assert modes == (0o600, 0o700)
    assert not file.exists(), "it holds secrets, and is of no use any more"
    kept = [file.read_text() for file in (tmp_path / "state").rglob("*") if file.is_file()]
    for text in (str(plan), str(made), msgspec.json.encode([plan, made]).decode(), caplog.text, *kept):
        assert HUSH not in text


def test_what_was_made_gives_its_outputs_and_sensitive_ones_by_name_only(tmp_path: Path) -> None:
    """Text and lists of text can be used for names; they are kept for the next procedure on this host."""
    site = Site(tmp_path)

    made = apply_infrastructure(site.system(), site.plan())

    assert set(site.state()) == {"terraform_data.first", "terraform_data.second"}
    assert set(made.done) == {FIRST, SECOND}
    assert made.values() == {"size": ("small",), "web": ("203.0.113.1", "203.0.113.2")}
    assert [(one.name, one.sensitive) for one in made.outputs if not one.values] == [("key", True), ("machines", False)]
    assert kept_outputs(site.system()) == made.values()
    assert not made.resumed


def test_where_nothing_is_to_be_done_outputs_are_read_all_the_same(tmp_path: Path) -> None:
    """Names lead to them; and another module's stay beside them."""
    site, other = Site(tmp_path), Site(tmp_path / "other", code='output "db" { value = "203.0.113.9" }\n')
    apply_infrastructure(site.system(), site.plan())
    (tmp_path / "state" / "infrastructure" / "shop" / "outputs.json").unlink()
    plan = site.plan()

    made = apply_infrastructure(site.system(), plan)

    assert (plan.needed, made.done, Path(plan.file).exists()) == (False, (), False)
    assert kept_outputs(site.system())["web"] == ("203.0.113.1", "203.0.113.2")
    keep_outputs(site.system(), str(other.module), {"db": ("203.0.113.9",)})
    assert kept_outputs(site.system()) == {**made.values(), "db": ("203.0.113.9",)}


def test_exactly_the_plan_that_was_agreed_to_is_applied(tmp_path: Path) -> None:
    """The code was changed in between; what was shown to a person counts."""
    site = Site(tmp_path)
    plan = site.plan()
    module(site.module, CODE.replace("? 1 : 0", "? 3 : 0"))

    made = apply_infrastructure(site.system(), plan)

    assert set(made.done) == {FIRST, SECOND}


def test_a_plans_file_that_was_exchanged_is_refused(tmp_path: Path) -> None:
    """Another plan under the same name was agreed to by nobody."""
    site = Site(tmp_path)
    agreed, other = site.plan(), site.plan(variables=("size=huge", f"gate={site.gate}"))
    Path(other.file).replace(agreed.file)

    with pytest.raises(InfrastructureError, match="not the one that was agreed to"):
        apply_infrastructure(site.system(), agreed)

    assert not site.state()


def test_a_plan_and_what_came_of_it_survive_a_journal(tmp_path: Path) -> None:
    """As JSON and back they are the same."""
    site = Site(tmp_path)
    plan = site.plan()
    made = apply_infrastructure(site.system(), msgspec.json.decode(msgspec.json.encode(plan), type=InfrastructurePlan))

    assert msgspec.json.decode(msgspec.json.encode(made), type=InfrastructureMade) == made


@pytest.mark.incident("I4")
def test_a_plan_that_destroys_or_replaces_is_refused_and_leaves_no_file(tmp_path: Path) -> None:
    """Unless the operator has allowed it; what would go is named."""
    site = Site(tmp_path)
    apply_infrastructure(site.system(), site.plan())
    before = site.state()
    fewer = CODE.replace("  count      = var.disaster_recovery ? 1 : 0", "  count      = 0")
    module(site.module, fewer.replace("  input = ", "  triggers_replace = var.size\n  input = "))

    with pytest.raises(TargetRefused, match="2 that exist") as caught:
        site.plan(variables=(f"gate={site.gate}", "size=large"))

    assert FIRST in caught.value.detail
    assert SECOND in caught.value.detail
    assert "allow_destroy" in caught.value.hint
    assert not list((tmp_path / "state").rglob("*.tfplan"))
    assert site.state() == before
    allowed = site.plan(variables=(f"gate={site.gate}", "size=large"), allow_destroy=True)
    assert (allowed.intent.replaces, allowed.intent.destroys) == ((FIRST,), (SECOND,))
    apply_infrastructure(site.system(allow_destroy=True), allowed)
    assert set(site.state()) == {"terraform_data.first"}


def test_another_workspace_is_used_when_it_is_there_and_not_made_by_mistake(tmp_path: Path) -> None:
    """A misspelt one would be a second infrastructure."""
    site = Site(tmp_path, workspace="blue")

    with pytest.raises(InfrastructureError, match="no workspace blue") as caught:
        site.plan()

    assert "terraform workspace new blue" in caught.value.hint
    terraform(site.module, "workspace", "new", "blue")
    apply_infrastructure(site.system(), site.plan())
    assert (site.module / "terraform.tfstate.d" / "blue" / "terraform.tfstate").exists()


def test_what_cannot_be_planned_says_why_and_what_to_do(tmp_path: Path) -> None:
    """A directory without code, a variable that the module does not know, a provider that cannot be had."""
    empty = tmp_path / "empty"
    empty.mkdir()
    plain = Site(tmp_path / "plain", code='resource "terraform_data" "one" {}')
    required = 'terraform {\n required_providers { x = { source = "registry.invalid/made/up" } }\n}\n'
    foreign = Site(tmp_path / "foreign", code=required + 'resource "x_y" "z" {}', provider_directory=empty)

    with pytest.raises(InfrastructureError, match="no infrastructure to be made") as nothing:
        plan_infrastructure(plain.system(), empty)
    with pytest.raises(InfrastructureError) as undeclared:
        plain.plan(variables=("colour=red",))
    with pytest.raises(InfrastructureError, match="cannot be initialised") as unfetched:
        foreign.plan()

    assert "infrastructure.directory" in nothing.value.hint
    assert "undeclared variable" in undeclared.value.detail
    assert "disaster_recovery" in undeclared.value.hint
    assert "provider_directory" in unfetched.value.hint
    assert all(one.value.exit_code == 20 for one in (nothing, undeclared, unfetched))


def test_a_program_that_is_missing_is_named(tmp_path: Path) -> None:
    """With the setting that names it."""
    site = Site(tmp_path)
    system = replace(
        site.system(), components=ComponentSettings(terraform=TerraformSettings(program="terraform-of-tomorrow"))
    )

    with pytest.raises(ToolError, match="terraform-of-tomorrow"):
        plan_infrastructure(system, site.module)
