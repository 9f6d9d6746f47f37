"""One file per procedure. The body reads like the runbook; what a step does is in ``tasks`` and ``dr``."""
