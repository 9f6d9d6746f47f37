"""Infrastructure as code with the real program: applied, locked, drifted, lost, brought back, put back.

Only the provider that is built in is used, so nothing is fetched; S3 is an endpoint of this machine.
"""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dr.catalog.labels import Kind
from dr.components.protocol import PutsBack
from dr.components.registry import BY_KIND
from dr.configuration.components.terraform import TerraformSettings
from dr.errors import SourceBusy, TargetRefused
from dr.operations.component.restore import RestoredComponent
from tests.endpoints.serving import Endpoint
from tests.integration.components.shelf import Shelf, failed
from tests.integration.components.states import CODE, module, quiet, required_terraform, terraform, tree

APPLY = ("apply", "-auto-approve", "-no-color")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A module that was applied in two workspaces, states in its own directory."""
    path = module(tmp_path / "shop")
    required_terraform()
    terraform(path, "init", "-no-color")
    terraform(path, *APPLY)
    terraform(path, "workspace", "new", "blue")
    terraform(path, *APPLY, "-var", 'words=["three"]')
    (path / "terraform.tfvars").write_text('words = ["one", "two"]\n')
    return path


@pytest.fixture
def bucket(moto_endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty bucket, with the credentials for it in the environment and nowhere else."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", moto_endpoint.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", moto_endpoint.secret_access_key.reveal())
    return moto_endpoint.new_bucket()


@pytest.fixture
def remote(tmp_path: Path, moto_endpoint: Endpoint, bucket: str) -> Path:
    """A module that was applied in two workspaces, states in the bucket."""
    return applied(tmp_path / "cloud", moto_endpoint, bucket)


def applied(path: Path, endpoint: Endpoint, bucket: str) -> Path:
    """The module at ``path``, its backend in S3 with locks there too."""
    module(path, backend(endpoint, bucket) + CODE)
    terraform(path, "init", "-no-color")
    terraform(path, *APPLY)
    terraform(path, "workspace", "new", "blue")
    terraform(path, *APPLY)
    return path


def backend(endpoint: Endpoint, bucket: str) -> str:
    """The block that names the bucket."""
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


def protecting(shelf: Shelf, *directories: Path, **settings: object) -> Shelf:
    """The shelf with these root modules."""
    settings = {"lock_timeout_minutes": 0.0} | settings
    return shelf.with_components(terraform=TerraformSettings(directories=directories, **settings))  # type: ignore[arg-type]


def put_back(shelf: Shelf, restored: RestoredComponent, *wanted: str) -> tuple[str, ...]:
    """Bring a restored copy into service; what is said of it."""
    component = BY_KIND[Kind.TERRAFORM].open(shelf.system)
    assert isinstance(component, PutsBack)
    return component.put_back(restored.manifest, Path(restored.directory), wanted).notes


@contextmanager
def applying(path: Path) -> Iterator[Path]:
    """An apply that is under way: it holds its lock until the file that is given is removed."""
    gate = path.parent / f"{path.name}.gate"
    gate.touch()
    argv = (required_terraform(), *APPLY, "-replace=terraform_data.word[0]", "-var", f"gate={gate}")
    with subprocess.Popen(argv, cwd=path, env=quiet(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if b"Provisioning with" in line:
                break
        try:
            yield gate
        finally:
            gate.unlink(missing_ok=True)
            process.stdout.read()


def test_a_lost_module_comes_back_and_terraform_goes_on_from_there(shelf: Shelf, root: Path) -> None:
    """Both workspaces; the operator's directory was not touched; a plan in the restored one has nothing to do."""
    shelf = protecting(shelf, root, plan=True)
    before = tree(root)
    shelf.back_up(Kind.TERRAFORM)
    assert tree(root) == before

    restored = shelf.restore(Kind.TERRAFORM)

    contents = shelf.contents(Kind.TERRAFORM)
    assert contents.facts["plan of shop/default"] == "no changes"
    assert contents.facts["plan of shop/blue"] == "1 to add, 1 to change, 0 to destroy, 0 drifted"
    assert contents.warnings == ("shop/blue is not as its code says: 1 to add, 1 to change, 0 to destroy, 0 drifted",)
    assert contents.facts["program of shop"].split()[1].count(".") == 2
    probes = shelf.question(Kind.TERRAFORM, restored)
    assert not failed(probes)
    assert {"resources of shop/default", "resources of shop/blue", "plan of shop/default"} <= {
        one.name for one in probes
    }
    copy = Path(restored.directory) / "shop"
    terraform(copy, "init", "-no-color")
    terraform(copy, "plan", "-detailed-exitcode", "-no-color")
    assert terraform(copy, "state", "list").split() == ["terraform_data.word[0]", "terraform_data.word[1]"]


def test_a_plan_in_a_copy_that_is_not_what_was_backed_up_has_changes(shelf: Shelf, root: Path) -> None:
    """Code that does not fit its state is found by the program itself."""
    shelf = protecting(shelf, root, plan=True, workspaces=("default",))
    shelf.back_up(Kind.TERRAFORM)
    restored = shelf.restore(Kind.TERRAFORM)
    (Path(restored.directory) / "shop" / "terraform.tfvars").write_text('words = ["one"]\n')

    names = [probe.name for probe in failed(shelf.question(Kind.TERRAFORM, restored))]

    assert names == ["files of shop", "plan of shop/default"]


def test_a_state_under_change_is_waited_for_and_not_for_ever(shelf: Shelf, root: Path) -> None:
    """A real apply holds the lock: refused at once, taken when it has ended within the time that is given."""
    terraform(root, "workspace", "select", "default")
    with applying(root) as gate:
        with pytest.raises(SourceBusy) as raised:
            protecting(shelf, root).draft(Kind.TERRAFORM)
        threading.Timer(1, gate.unlink).start()
        protecting(shelf, root, lock_timeout_minutes=1.0).back_up(Kind.TERRAFORM)

    assert "OperationTypeApply since " in raised.value.detail
    assert "@" in raised.value.detail
    (item,) = (item for item in shelf.contents(Kind.TERRAFORM).items if item.name == "shop/default")
    assert "resources: terraform_data 2" in item.detail
    restored = shelf.restore(Kind.TERRAFORM)
    assert (Path(restored.directory) / "shop" / "terraform.tfstate").read_bytes() == (
        root / "terraform.tfstate"
    ).read_bytes()


def test_an_older_state_is_never_put_over_a_newer_one(shelf: Shelf, root: Path) -> None:
    """Terraform's own protection holds; a lost one is put back, and a second time does no harm."""
    shelf = protecting(shelf, root)
    shelf.back_up(Kind.TERRAFORM)
    restored = shelf.restore(Kind.TERRAFORM)
    path = root / "terraform.tfstate.d" / "blue" / "terraform.tfstate"
    lost = path.read_bytes()
    terraform(root, *APPLY, "-var", 'words=["five"]')
    newer = path.read_bytes()

    with pytest.raises(TargetRefused, match="shop/blue") as raised:
        put_back(shelf, restored, "shop/blue")
    assert path.read_bytes() == newer
    assert "newer than the restored one" in raised.value.message
    assert "its serial is 3, that of the restored one 1; 1 resources" in raised.value.detail
    path.unlink()
    (root / "terraform.tfstate").unlink()
    put_back(shelf, restored)
    notes = put_back(shelf, restored)

    assert path.read_bytes() == lost
    assert [note.split(":")[0] for note in notes] == ["shop/default", "shop/blue"]
    assert terraform(root, "state", "list").split() == ["terraform_data.word[0]"]


def test_a_state_of_another_lineage_is_not_overwritten(shelf: Shelf, root: Path) -> None:
    """Somebody began anew where the old state was."""
    shelf = protecting(shelf, root, workspaces=("default",))
    shelf.back_up(Kind.TERRAFORM)
    restored = shelf.restore(Kind.TERRAFORM)
    terraform(root, "workspace", "select", "default")
    (root / "terraform.tfstate").unlink()
    terraform(root, *APPLY)
    anew = (root / "terraform.tfstate").read_bytes()

    with pytest.raises(TargetRefused) as raised:
        put_back(shelf, restored)

    assert "begun anew" in raised.value.message
    assert "its lineage is " in raised.value.detail
    assert (root / "terraform.tfstate").read_bytes() == anew


@pytest.mark.slow
def test_states_in_a_bucket_are_pulled_and_pushed_into_a_new_one(
    shelf: Shelf, remote: Path, moto_endpoint: Endpoint, bucket: str
) -> None:
    """The bucket is emptied; what lies in it again is what lay in it, in both workspaces."""
    shelf = protecting(shelf, remote, plan=True)
    before, files = objects(moto_endpoint, bucket), tree(remote)
    shelf.back_up(Kind.TERRAFORM)
    assert objects(moto_endpoint, bucket) == before, "a backup only reads"
    assert tree(remote) == files
    for key in before:
        moto_endpoint.client().delete_object(Bucket=bucket, Key=key)

    restored = shelf.restore(Kind.TERRAFORM)
    put_back(shelf, restored)
    notes = put_back(shelf, restored)

    contents = shelf.contents(Kind.TERRAFORM)
    assert contents.warnings == ()
    assert contents.items[0].detail == f"code; backend s3 bucket={bucket} key=shop/terraform.tfstate region=us-east-1"
    assert contents.facts["plan of cloud/blue"] == "no changes"
    assert not failed(shelf.question(Kind.TERRAFORM, restored))
    assert contents_of(objects(moto_endpoint, bucket)) == contents_of(before)
    assert notes == ("cloud/default: it is there already", "cloud/blue: it is there already")
    assert sorted(path.name for path in (Path(restored.directory) / "cloud.states").iterdir()) == [
        "blue.tfstate", "default.tfstate",
    ]  # fmt: skip


def objects(endpoint: Endpoint, bucket: str) -> dict[str, bytes]:
    """What lies in a bucket."""
    client = endpoint.client()
    listed = client.list_objects_v2(Bucket=bucket).get("Contents", [])
    return {one["Key"]: client.get_object(Bucket=bucket, Key=one["Key"])["Body"].read() for one in listed}


def contents_of(found: dict[str, bytes]) -> dict[str, object]:
    """States without what Terraform makes anew for a backend that was empty."""
    return {key: json.loads(data) | {"lineage": "", "serial": 0} for key, data in found.items()}


def test_a_workspace_in_the_bucket_that_was_never_applied_has_no_state(
    shelf: Shelf, tmp_path: Path, moto_endpoint: Endpoint, bucket: str
) -> None:
    """The program prints an empty one of no lineage; it is left out, and costs the others nothing."""
    path = module(tmp_path / "cloud", backend(moto_endpoint, bucket) + CODE)
    terraform(path, "init", "-no-color")
    terraform(path, "workspace", "new", "blue")
    terraform(path, *APPLY)
    protecting(shelf, path).back_up(Kind.TERRAFORM)

    assert [item.name for item in shelf.contents(Kind.TERRAFORM).items] == ["cloud", "cloud/blue"]


def test_a_lock_in_the_bucket_is_seen_and_its_holder_named(shelf: Shelf, remote: Path) -> None:
    """A real apply in one workspace; a backup of the other is not held up."""
    with applying(remote):
        with pytest.raises(SourceBusy) as raised:
            protecting(shelf, remote, workspaces=("blue",)).draft(Kind.TERRAFORM)
        protecting(shelf, remote, workspaces=("default",)).back_up(Kind.TERRAFORM)

    assert "workspace blue" in raised.value.message
    assert "OperationTypeApply since " in raised.value.detail


def test_a_checkout_that_was_never_initialised_is_enough(
    shelf: Shelf, remote: Path, tmp_path: Path, moto_endpoint: Endpoint, bucket: str
) -> None:
    """The backup host has the code, a file with the rest of the backend's configuration, and nothing of ``init``."""
    checkout = module(tmp_path / "checkout", (remote / "main.tf").read_text().replace(f'"{bucket}"', '""').replace(
        'bucket                      = ""\n', ""
    ))  # fmt: skip
    (tmp_path / "rest.hcl").write_text(f'bucket = "{bucket}"\n')
    shelf = protecting(shelf, checkout, backend_config=(tmp_path / "rest.hcl",))
    shelf.back_up(Kind.TERRAFORM)

    assert [item.name for item in shelf.contents(Kind.TERRAFORM).items] == [
        "checkout", "checkout/default", "checkout/blue",
    ]  # fmt: skip
    assert sorted(tree(checkout)) == ["main.tf"]
