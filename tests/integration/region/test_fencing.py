"""Every way to keep a server from writing: what proves it, and what does not."""

from __future__ import annotations

import dataclasses
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from dr.demo.endpoint import s3_endpoint
from dr.errors import ConfigurationError, ServerUnreachable, SourceError
from dr.operations.region.fencing import fence
from dr.operations.region.fencing.command import by_command
from dr.operations.region.fencing.ec2 import by_ec2
from dr.operations.region.fencing.service import by_service
from dr.operations.region.fencing.sql import by_sql
from dr.operations.region.look import look
from dr.postgres.standby import server_role, write_something
from dr.secret import Secret
from dr.services.protocol import State
from dr.services.registry import service
from tests.integration.region.pair import PRIMARY, STANDBY, Pair, pair

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """A primary and its replica; each test leaves them as it found them."""
    with pair(tmp_path_factory.mktemp("fencing") / "here") as made:
        yield made


@pytest.fixture
def in_charge(both: Pair) -> Iterator[Pair]:
    """The primary runs and takes writes; it does again afterwards."""
    write_something(both.first.url, 10)
    yield both
    directory = both.first.require_directory("")
    service(both.system, PRIMARY).stop(30)
    (directory / "standby.signal").unlink(missing_ok=True)
    service(both.system, PRIMARY).start(30)
    both.wait(lambda: not server_role(both.first.url).standby)
    both.wait(lambda: server_role(both.second.url).streaming)


def test_by_sql_it_cannot_come_up_in_charge_again(in_charge: Pair) -> None:
    """Its supervisor starts it at once, and it is a standby."""
    tried = by_sql(in_charge.system, in_charge.first, in_charge.second)

    assert tried.proven
    in_charge.wait(lambda: server_role(in_charge.first.url).standby)
    with pytest.raises(SourceError, match=r"read-only|recovery"):
        write_something(in_charge.first.url, 10)


def test_by_sql_the_replica_gets_all_there_is_first(in_charge: Pair) -> None:
    """A fast shutdown sends what is left; nothing acknowledged stays behind."""
    in_charge.write(in_charge.first.url, 50)
    before = in_charge.rows(in_charge.first.url)

    by_sql(in_charge.system, in_charge.first, in_charge.second)

    in_charge.wait(lambda: in_charge.rows(in_charge.second.url) == before)


def test_a_server_that_does_not_answer_is_not_fenced_by_sql(both: Pair) -> None:
    """It may be answering others."""
    gone = dataclasses.replace(both.first, url=Secret("host=127.0.0.1 port=1 user=postgres"))

    tried = by_sql(both.system, gone, both.second)

    assert not tried.proven


def test_the_other_server_under_another_name_does_not_pass_for_fenced(both: Pair) -> None:
    """The name has moved: what answers there is the standby itself, which takes no writes."""
    moved = dataclasses.replace(both.first, url=Secret(f"{both.second.url.reveal()} application_name=moved"))

    tried = by_sql(both.system, moved, both.second)

    assert not tried.proven
    assert "lead to one server" in tried.detail
    with pytest.raises(ConfigurationError, match="lead to one server"):
        look(both.system, moved, both.second)


def test_by_its_service_it_is_stopped_and_nothing_serves_its_directory(in_charge: Pair) -> None:
    """Proven by its supervisor and by its data directory."""
    tried = by_service(in_charge.system, in_charge.first, in_charge.second)

    assert tried is not None
    assert tried.proven
    with pytest.raises(ServerUnreachable):
        server_role(in_charge.first.url)


def test_a_service_of_this_host_is_not_taken_for_one_elsewhere(both: Pair) -> None:
    """With one configuration in both regions the unit of that name is the other server's own, and stays up."""
    shared = dataclasses.replace(both.first, directory=both.second.directory, service=STANDBY)
    elsewhere = dataclasses.replace(both.second, directory=None)

    tried = by_service(both.system, shared, elsewhere)

    assert tried is not None
    assert not tried.proven
    assert "is the other server's own" in tried.detail
    assert service(both.system, STANDBY).status(5).state is State.RUNNING


def test_without_its_directory_a_service_proves_nothing(both: Pair) -> None:
    """Where the data is not, the server is not."""
    tried = by_service(both.system, dataclasses.replace(both.first, directory=None), both.second)

    assert tried is not None
    assert not tried.proven
    assert service(both.system, PRIMARY).status(5).state is State.RUNNING


@pytest.mark.parametrize(("status", "proven"), [(0, True), (1, False), (75, False)])
def test_a_command_proves_it_by_status_0_alone(both: Pair, tmp_path: Path, status: int, proven: bool) -> None:
    """It is told which server by its environment, never a password."""
    file = tmp_path / "told"
    script = tmp_path / "fence.py"
    script.write_text(
        "import os, sys\n"
        f"open({str(file)!r}, 'w').write(os.environ['DR_FENCE'] + ' ' + os.environ['DR_FENCE_ADDRESS'])\n"
        f"sys.exit({status})\n"
    )
    system = both.with_region(fence_command=shlex.join((sys.executable, str(script))))

    tried = by_command(system, both.first, both.second)

    assert tried is not None
    assert tried.proven is proven
    assert file.read_text().startswith("primary 127.0.0.1:")


def test_a_command_that_is_missing_proves_nothing_and_the_next_way_is_tried(both: Pair) -> None:
    """A tool that was never installed must not end the procedure."""
    system = both.with_region(fence=("command", "service"), fence_command="/no/such/switch", primary_directory=None)

    tried = fence(system, dataclasses.replace(both.first, directory=None), both.second)

    assert [item.method for item in tried] == ["command", "service"]
    assert not any(item.proven for item in tried)


def test_ec2_instances_are_stopped_and_ec2_says_so(both: Pair, tmp_path: Path) -> None:
    """Proven by the provider's own word, and only for instances that it knows."""
    with s3_endpoint(tmp_path / "cloud") as endpoint:
        settings = endpoint.amazon(endpoint.wait())
        assert settings is not None
        client = boto3.client(
            "ec2",
            region_name=settings.region,
            endpoint_url=settings.endpoint_url,
            aws_access_key_id=settings.access_key_id,
            aws_secret_access_key=settings.secret_access_key.reveal() if settings.secret_access_key else "",
        )
        made = client.run_instances(ImageId="ami-12345678", MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
        given = {field.name: getattr(settings, field.name) for field in dataclasses.fields(settings)}
        tried = by_ec2(both.with_region(**given, fence_instances=(made,)), both.first, both.second)
        state = client.describe_instances(InstanceIds=[made])["Reservations"][0]["Instances"][0]["State"]["Name"]

    assert tried is not None
    assert tried.proven
    assert state == "stopped"
    assert made in tried.detail


def test_what_is_not_configured_is_not_tried(both: Pair) -> None:
    """Neither a command nor instances, and none of it for the second region."""
    assert by_command(both.system, both.first, both.second) is None
    assert by_ec2(both.with_region(fence_instances=("i-1",)), both.second, both.first) is None
    assert by_service(both.system, dataclasses.replace(both.first, service=""), both.second) is None
