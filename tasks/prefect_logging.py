"""Our loggers in Prefect's run log, with passwords masked.

Prefect shows foreign loggers only when their names are in a setting that it reads when imported, *and* they have a
level. A worker imports Prefect before us, so the handlers are also attached afterwards.
"""

from __future__ import annotations

import logging
import os

from dr.configuration.masking import mask_url

LOGGERS = ("dr", "tasks", "flows")
_VARIABLE = "PREFECT_LOGGING_EXTRA_LOGGERS"


def announce_loggers() -> None:
    """Name our loggers to Prefect. Effective only before Prefect is imported."""
    names = [name for name in os.environ.get(_VARIABLE, "").split(",") if name.strip()]
    os.environ[_VARIABLE] = ",".join([*names, *(name for name in LOGGERS if name not in names)])


def show_loggers() -> None:
    """Give our loggers a level and Prefect's handlers, once, after Prefect has set its logging up."""
    handlers = logging.getLogger("prefect.extra").handlers
    for handler in handlers:
        if not any(isinstance(known, FitForPrefect) for known in handler.filters):
            handler.addFilter(FitForPrefect())
    for name in LOGGERS:
        logger = logging.getLogger(name)
        if logger.level == logging.NOTSET:
            logger.setLevel(logging.INFO)
        for handler in handlers:
            if handler not in logger.handlers:
                logger.addHandler(handler)


class FitForPrefect(logging.Filter):
    """What goes to Prefect: masked, and of ours only what belongs to a run.

    Pump threads, and steps that are tried alone, log outside of any run; Prefect would warn about each such line.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask the message; False for lines of ours that no run could show."""
        if record.name.partition(".")[0] in LOGGERS and not _in_a_run():
            return False
        message = record.getMessage()
        masked = mask_url(message)
        if masked != message:
            record.msg, record.args = masked, None
        return True


def _in_a_run() -> bool:
    from prefect.context import FlowRunContext, TaskRunContext

    return FlowRunContext.get() is not None or TaskRunContext.get() is not None
