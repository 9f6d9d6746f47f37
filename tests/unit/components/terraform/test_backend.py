"""Where a module keeps its state: what its code says, and what ``init`` has noted."""

from __future__ import annotations

import json

import pytest

from dr.components.terraform.backend import Backend, noted_backend, written_backend

S3 = """
# backend "commented" { out = "x" }
/* terraform { backend "gcs" {} } */
terraform {
  required_version = ">= 1.0" // cloud { }
  backend "s3" {
    bucket = "states" # the one in Frankfurt
    key    = "shop/terraform.tfstate"
    access_key = "never-told"
  }
}
resource "terraform_data" "x" { input = "a # no comment, cloud { and backend \\"x\\" {" }
"""


@pytest.mark.parametrize(
    "files, kind, values",
    [
        ({"main.tf": 'resource "x" "y" {}\n'}, "local", {}),
        ({"main.tf": 'terraform { backend "local" { path = "../here.tfstate" } }'}, "local", {}),
        (
            {"main.tf": 'terraform {\n backend "local" {\n path = "here.tfstate"\n}\n}'},
            "local",
            {"path": "here.tfstate"},
        ),
        ({"main.tf": S3}, "s3", {"bucket": "states", "key": "shop/terraform.tfstate", "access_key": "never-told"}),
        ({"main.tf": 'terraform {\n  cloud {\n organization = "o"\n }\n}'}, "cloud", {}),
        ({"main.tf.json": '{"terraform": {"backend": {"gcs": {"bucket": "b"}}}}'}, "gcs", {"bucket": "b"}),
        ({"main.tf.json": '{"terraform": [{"backend": [{"gcs": [{"bucket": "b"}]}]}]}'}, "gcs", {"bucket": "b"}),
        ({"main.tf.json": "no json"}, "local", {}),
        ({"main.tf": S3, "a_override.tf": 'terraform {\n backend "local" {}\n}'}, "local", {}),
        ({"main.tf": S3, "readme.md": 'backend "gcs" {}'}, "s3", None),
        ({"main.tofu": S3}, "s3", None),
    ],
)
def test_the_backend_is_the_one_that_the_code_names(
    files: dict[str, str], kind: str, values: dict[str, str] | None
) -> None:
    """Comments and texts name none, override files win."""
    found = written_backend(files)

    assert found.kind == kind
    if values is not None and "../" not in str(files):
        assert found.values == values


def test_only_where_the_state_is_gets_told() -> None:
    """No key, no token, no endpoint."""
    assert written_backend({"main.tf": S3}).described() == "s3 bucket=states key=shop/terraform.tfstate"


def test_what_init_noted_has_flags_and_inner_values() -> None:
    """An endpoint lies within an object; what is null was not given."""
    config = {"bucket": "b", "use_lockfile": True, "region": None, "endpoints": {"s3": "http://h", "sso": None}}
    noted = json.dumps({"version": 3, "backend": {"type": "s3", "config": config}}).encode()

    assert noted_backend(noted) == Backend("s3", {"bucket": "b", "use_lockfile": "true", "endpoints.s3": "http://h"})


def test_no_secret_of_a_backend_is_kept_as_text() -> None:
    """S3's own key is one that cannot be printed; what nobody here needs is not read at all."""
    config = {"bucket": "b", "secret_key": "made-up-1", "token": "made-up-2", "sse_customer_key": "made-up-3"}
    text = (
        'terraform {\n backend "s3" {\n' + "".join(f'{name} = "{value}"\n' for name, value in config.items()) + "}\n}"
    )
    noted = json.dumps({"backend": {"type": "s3", "config": config}}).encode()

    for found in (written_backend({"main.tf": text}), noted_backend(noted)):
        assert found is not None
        assert found.values == {"bucket": "b"}
        assert found.secret_key is not None
        assert found.secret_key.reveal() == "made-up-1"
        assert "made-up" not in repr(found)


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b'{"backend": null}', b'{"backend": {"type": "s3"}}'])
def test_a_note_that_names_no_backend_is_none(data: bytes) -> None:
    """The code decides then."""
    assert noted_backend(data) is None
