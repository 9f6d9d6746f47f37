"""One thing with several services at once, each with its own end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait

from dr.pipeline.process import end_children_of_threads
from dr.services.protocol import Service


def each(services: Sequence[Service], action: Callable[[Service], object]) -> None:
    """``action`` with every one of them beside each other. All of them end; then the first failure is raised.

    The other failures are its notes. Interrupted: what threads wait for is ended first.
    """
    if not services:
        return
    with ThreadPoolExecutor(len(services), thread_name_prefix="service") as pool:
        running = [pool.submit(action, item) for item in services]
        try:
            wait(running)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            end_children_of_threads()
            raise
    _raise_first(running)


def _raise_first(running: Sequence[Future[object]]) -> None:
    failures = [error for future in running if (error := future.exception()) is not None]
    if failures:
        for other in failures[1:]:
            failures[0].add_note(f"and: {other}")
        raise failures[0]
