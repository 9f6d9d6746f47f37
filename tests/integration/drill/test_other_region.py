"""The data centre is gone: what lies in the other region's bucket is all there is, and it is enough."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dr.configuration.model import StoreSettings
from dr.operations.drill.draw import stores_elsewhere
from dr.policy.drill_draw import LATEST, DrillRequest
from dr.policy.drill_method import Method
from dr.policy.drill_verdict import Verdict
from dr.policy.objectives import Scenario
from dr.postgres.installations import server_for
from tests.endpoints.serving import Endpoint
from tests.integration.drill.conftest import MAJORS
from tests.integration.drill.site import drill, production

pytestmark = pytest.mark.timeout(200)


@pytest.mark.parametrize("method", [Method.PHYSICAL, Method.LOGICAL])
def test_the_other_regions_store_alone_is_recovered_from(
    moto_endpoint: Endpoint, tmp_path: Path, method: Method
) -> None:
    """The local copies and the first region's are destroyed before the drill, so nothing else can have been used."""
    near, far = (
        moto_endpoint.settings(moto_endpoint.new_bucket(), name, region=region)
        for name, region in (("near", "eu-central-1"), ("far", "us-west-2"))
    )
    local = StoreSettings("local", "local", path=tmp_path / "backups")
    with production(tmp_path, server_for(MAJORS[-1]), local, near, far) as made:
        made.back_up()
        shutil.rmtree(tmp_path / "backups")
        _empty(moto_endpoint, near.bucket)
        elsewhere = stores_elsewhere(made.system)
        request = DrillRequest(Scenario.DATA_CENTER_OUTAGE, method, LATEST, stores=elsewhere)
        record = drill(made.system, request)

    assert elsewhere == ("far",)
    assert record.verdict == Verdict.RECOVERABLE, record.reasons
    assert record.store == "far"
    assert record.rto_target == 3600


def _empty(endpoint: Endpoint, bucket: str) -> None:
    client = endpoint.client()
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for item in page.get("Contents", []):
            client.delete_object(Bucket=bucket, Key=item["Key"])
