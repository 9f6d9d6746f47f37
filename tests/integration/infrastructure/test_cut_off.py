"""An apply that is killed, cut off or met by somebody else's lock: the next one goes on, within what was agreed to."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from dr.errors import InfrastructureError
from dr.operations.infrastructure import apply_infrastructure
from tests.endpoints.serving import Endpoint
from tests.integration.components.states import module, required_terraform, terraform
from tests.integration.infrastructure.site import CODE, Site, kill, terraform_below, wait_until_gone

pytestmark = pytest.mark.usefixtures("program")
FIRST, SECOND = "terraform_data.first[0]", "terraform_data.second[0]"
WITH_DISASTER = "-var=disaster_recovery=true"


@pytest.fixture(scope="module")
def program() -> str:
    """Terraform or OpenTofu."""
    return required_terraform()


@pytest.mark.parametrize("whom", ["the procedure", "terraform"])
def test_after_a_kill_the_next_apply_makes_only_what_is_left(tmp_path: Path, whom: str) -> None:
    """Whether the procedure died, which lets Terraform end by itself, or Terraform did; the first machine stays."""
    site = Site(tmp_path)
    plan = site.plan()
    with site.stuck(plan) as process:
        child = terraform_below(process.pid)
        before = site.state()
        kill(process.pid if whom == "the procedure" else child)
        wait_until_gone(child)
    assert set(before) == {"terraform_data.first"}
    assert "terraform_data.second" not in site.state()

    made = apply_infrastructure(site.system(), plan)

    assert made.resumed
    assert made.done == (SECOND,)
    assert site.state()["terraform_data.first"] == before["terraform_data.first"]
    assert not list((tmp_path / "state").rglob("*.tfplan"))


def test_a_run_that_died_before_it_could_say_so_is_repeated_without_harm(tmp_path: Path) -> None:
    """Everything is made and the plan's file is gone: there is nothing left, and the outputs are told again."""
    site = Site(tmp_path)
    plan = site.plan()
    first = apply_infrastructure(site.system(), plan)
    before = site.state()

    again = apply_infrastructure(site.system(), plan)

    assert again.resumed
    assert again.done == ()
    assert again.outputs == first.outputs
    assert site.state() == before


def test_what_goes_beyond_what_was_agreed_to_is_not_made_by_a_second_run(tmp_path: Path) -> None:
    """Somebody applied something else in between: a person has to look again."""
    site = Site(tmp_path)
    plan = site.plan()
    terraform(site.module, "apply", "-auto-approve", WITH_DISASTER, "-var=size=large")
    before = site.state()

    with pytest.raises(InfrastructureError, match="changed since the plan") as caught:
        apply_infrastructure(site.system(), plan)

    module(site.module, CODE + 'resource "terraform_data" "third" {}')
    with pytest.raises(InfrastructureError) as third:
        apply_infrastructure(site.system(), plan)
    assert "add terraform_data.third" in third.value.detail
    assert "Plan anew" in caught.value.hint
    assert site.state() == before


def test_an_apply_that_takes_too_long_is_stopped_gently_and_gone_on_with(tmp_path: Path) -> None:
    """It lets go of its lock; what it was at is made once more, although that is to replace it."""
    site = Site(tmp_path)
    plan = site.plan()
    site.gate.touch()
    begin = time.monotonic()

    with pytest.raises(InfrastructureError, match="cannot make the infrastructure") as caught:
        apply_infrastructure(site.system(apply_minutes=0.05), plan)

    assert time.monotonic() - begin < 30
    assert f"done so far: {FIRST}" in caught.value.detail
    assert "apply_minutes" in caught.value.hint
    assert not (site.module / ".terraform.tfstate.lock.info").exists()
    site.gate.unlink()
    made = apply_infrastructure(site.system(), plan)
    assert made.resumed
    assert SECOND in made.done


def test_a_lock_that_a_dead_run_left_behind_is_explained_and_not_broken(
    tmp_path: Path, moto_endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who holds it since when, and the command that releases it; only a person runs that."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", moto_endpoint.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", moto_endpoint.secret_access_key.reveal())
    bucket = moto_endpoint.new_bucket()
    site = Site(tmp_path, code=backend(moto_endpoint, bucket) + CODE)
    plan = site.plan()
    with site.stuck(plan) as process:
        kill(terraform_below(process.pid))
        process.wait(30)

    with pytest.raises(InfrastructureError, match="locked") as caught:
        apply_infrastructure(site.system(), plan)

    locks = [key["Key"] for key in moto_endpoint.client().list_objects_v2(Bucket=bucket)["Contents"]]
    assert any(key.endswith(".tflock") for key in locks), "a lock is never broken by us"
    lock_id = caught.value.detail.partition("; lock ")[2].split()[0]
    assert "OperationTypeApply" in caught.value.detail
    assert f"terraform force-unlock {lock_id}" in caught.value.hint
    terraform(site.module, "force-unlock", "-force", lock_id)
    assert set(apply_infrastructure(site.system(), plan).done) >= {SECOND}


def test_an_interruption_lets_terraform_end_what_it_is_at(tmp_path: Path) -> None:
    """Ctrl-C reaches the procedure; Terraform writes its state and lets go of its lock before the procedure ends."""
    site = Site(tmp_path)
    with site.stuck(site.plan()) as process:
        child = terraform_below(process.pid)
        os.kill(process.pid, signal.SIGINT)
        process.wait(30)

        assert not Path(f"/proc/{child}").exists()

    assert set(site.state()) == {"terraform_data.first"}
    assert not (site.module / ".terraform.tfstate.lock.info").exists()


def backend(endpoint: Endpoint, bucket: str) -> str:
    """A backend in S3 with locks there too."""
    return f"""
terraform {{
  backend "s3" {{
    bucket                      = "{bucket}"
    key                         = "shop/terraform.tfstate"
    region                      = "us-east-1"
    use_path_style              = true
    use_lockfile                = true
    skip_credentials_validation = true
    skip_metadata_api_check     = true
    skip_requesting_account_id  = true
    skip_region_validation      = true
    endpoints                   = {{ s3 = "{endpoint.url}" }}
  }}
}}
"""
