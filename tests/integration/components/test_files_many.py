"""Uploads by the hundred thousand: few objects, and a day on which little changed costs little."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from dr.catalog.labels import Kind
from tests.integration.components.shelf import Shelf, failed
from tests.integration.components.test_files import protecting
from tests.integration.components.uploads import seen


@pytest.mark.slow
@pytest.mark.timeout(900)  # on a busy disk making the files takes longer than backing them up
def test_a_hundred_thousand_small_files_are_a_few_objects_and_one_change_costs_seconds(
    shelf: Shelf, tmp_path: Path
) -> None:
    """First all of them, then one changed, then all destroyed and brought back to the last byte and nanosecond."""
    uploads = tmp_path / "uploads"
    for folder in range(100):
        place = uploads / f"{folder:02}"
        place.mkdir(parents=True)
        descriptor = os.open(place, os.O_RDONLY)
        for number in range(1000):
            file = os.open(f"{number}", os.O_WRONLY | os.O_CREAT, 0o640, dir_fd=descriptor)
            os.write(file, b"%d/%d" % (folder, number))
            os.close(file)
        os.close(descriptor)
    shelf = protecting(shelf, uploads)
    begin = time.process_time()
    shelf.back_up(Kind.FILES)
    full = time.process_time() - begin
    time.sleep(2.1)  # files changed a moment before they were read are read once more
    shelf.back_up(Kind.FILES)
    (uploads / "50" / "500").write_bytes(b"changed")
    before = seen(uploads)

    begin = time.process_time()
    published = shelf.back_up(Kind.FILES)
    incremental = time.process_time() - begin

    assert published.problems == ()
    assert shelf.contents(Kind.FILES).facts["read"] == "1"
    assert incremental < full * 0.7, f"{incremental:.1f} s after {full:.1f} s"
    assert len(shelf.files("local", Kind.FILES)) < 12
    shutil.rmtree(uploads)
    restored = shelf.restore(Kind.FILES)
    assert seen(Path(restored.directory) / "uploads") == before
    assert not failed(shelf.question(Kind.FILES, restored))
