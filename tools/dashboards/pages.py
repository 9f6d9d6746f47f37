"""The pages: backup success, recovery times, storage, errors, and one for each system."""

from __future__ import annotations

from tools.dashboards.panel import Look, Page, Panel, Query, a_day, chosen, known, of, share

DAY = 86400.0
_KIND, _TIER, _STORE = "{{system}} {{kind}}", "{{system}} {{kind}} in {{tier}}", "{{system}} {{tier}}"
_SCENARIO, _PROCEDURE, _CHANNEL = "{{system}} {{scenario}}", "{{system}} {{procedure}}", "{{system}} {{channel}}"
_IN_FORCE, _DATABASE = 'alertstate="firing"', 'kind=~"dump|base"'

GOOD_AGE = Panel(
    "Age of the newest good backup", "What a disaster now would cost where no WAL is kept.",
    (known("backup_good_age_seconds", _KIND), of("backup_age_limit_seconds", f"limit {_KIND}")),
)  # fmt: skip
WAL_LAG = Panel(
    "WAL behind", "Commits that a disaster now would cost; nothing while the server is idle.",
    (known("wal_lag_seconds", "{{system}}"), of("recovery_rpo_target_seconds", "RPO {{system}} {{scenario}}")),
    red=900,
)  # fmt: skip
RTO = Panel(
    "Recovery time of the last drill", "Measured, beside what is wanted.",
    (of("drill_rto_seconds", _SCENARIO), of("recovery_rto_target_seconds", "RTO {{system}} {{scenario}}")),
)  # fmt: skip
RPO = Panel(
    "Data lost in the last drill", "Measured, beside what is wanted.",
    (of("drill_rpo_seconds", _SCENARIO), of("recovery_rpo_target_seconds", "RPO {{system}} {{scenario}}")),
)  # fmt: skip
PHASES = Panel(
    "Where the time goes", "Time at work of each phase of the last drill.",
    (of("drill_phase_seconds", "{{system}} {{scenario}}: {{phase}}"),), look=Look.BARS,
)  # fmt: skip
DRILL_AGE = Panel(
    "Since the last green drill", "Nobody knows whether backups restore that were never restored.",
    (known("drill_age_seconds", "{{system}}"), of("drill_age_limit_seconds", "limit {{system}}")),
)  # fmt: skip
WINDOW = Panel(
    "Recoverable window", "How far back a recovery to any moment reaches.", (of("pitr_window_seconds"),),
)  # fmt: skip
FREE = Panel(
    "Free share of local stores", "Below a tenth the next backup may not fit.",
    (of("storage_free_ratio", _STORE),), unit="percentunit", red=0.1, below=True,
)  # fmt: skip
SIZES = Panel(
    "Size of the newest backup", "As it is stored.", (of("backup_size_bytes", _TIER),), unit="bytes",
)  # fmt: skip
CERTIFICATES = Panel(
    "Days until certificates end", "Critical from seven days on.",
    (of("certificate_days_left", "{{system}} {{name}}"),), unit="d", red=7, below=True,
)  # fmt: skip
FIRING = Panel(
    "Alerts that fire", "By grade, as Prometheus evaluates the rules.",
    (Query(f"sum by(severity) ({chosen('ALERTS', _IN_FORCE)}) or vector(0)", "{{severity}}"),),
    unit="short", look=Look.BARS, red=1,
)  # fmt: skip

PAGES: tuple[Page, ...] = (
    Page(
        "dr-backup-success", "Backup Success Rate",
        "Whether backups are made, of what, where to, and how well they are proven.",
        (
            Panel(
                "Copies that were published", "Of all that runs should have made, by their records.",
                (share("backup_success_total", "backup_failure_total", "system", "{{system}}"),),
                unit="percentunit", look=Look.NUMBER, width=6, red=0.99, below=True,
            ),
            Panel(
                "Runs that ended well", "Of every procedure's runs, by their records.",
                (share("procedure_success_total", "procedure_failure_total", "system", "{{system}}"),),
                unit="percentunit", look=Look.NUMBER, width=6, red=0.99, below=True,
            ),
            Panel(
                "Level proven", "Of the newest backup: 1 stored, 3 decrypted, 5 restored, 8 the application was asked.",
                (of("backup_verified_level", _TIER),), unit="short", look=Look.NUMBER, width=12, red=3, below=True,
            ),
            GOOD_AGE,
            Panel(
                "Success by kind and store", "A store that misses copies shows here first.",
                (share("backup_success_total", "backup_failure_total", "system,kind,tier", _TIER),),
                unit="percentunit", red=0.99, below=True,
            ),
            Panel("Copies published a day", "", (a_day("backup_success_total", "system,kind", _KIND),), unit="short",
                  look=Look.BARS),
            Panel("Copies missed a day", "", (a_day("backup_failure_total", "system,kind", _KIND),), unit="short",
                  look=Look.BARS, red=1),
            Panel("Duration of the newest backup", "", (of("backup_duration_seconds", _KIND),)),
            Panel("Age of the newest proven copy", "In each store.", (of("backup_age_seconds", _TIER),)),
            Panel("Since a copy was last read again", "In each store.", (of("backup_verified_age_seconds", _STORE),),
                  red=15 * DAY),
            Panel("Since each procedure last ended well", "", (of("procedure_age_seconds", _PROCEDURE),)),
        ),
    ),
    Page(
        "dr-recovery-time", "Recovery Time Tracking",
        "How long a recovery takes, what it loses, and what it will take.",
        (
            RTO, RPO, PHASES, DRILL_AGE,
            Panel(
                "Recovery time to be expected", "Forecast from the drills with the data as it grows.",
                (of("recovery_rto_forecast_seconds", _SCENARIO),),
                rare="a forecast takes three drills of one kind",
            ),
            WAL_LAG, WINDOW,
            Panel("Duration of procedures", "The newest good run.", (of("procedure_duration_seconds", _PROCEDURE),)),
        ),
    ),
    Page(
        "dr-storage", "Storage Utilization", "What the stores hold, what they lack, and what still fits.",
        (
            FREE,
            Panel("Free bytes", "", (of("storage_free_bytes", _STORE),), unit="bytes"),
            SIZES,
            Panel(
                "Size against the usual", "Against the median of those before; half as much again is a warning.",
                (of("backup_size_ratio", _KIND),), unit="percentunit", red=1.5,
                rare="it takes four backups of a kind, and a megabyte",
            ),
            Panel("WAL that waits on the host", "It is lost with the host.",
                  (of("wal_backlog_bytes", "{{system}}"),), unit="bytes"),
            Panel("Age of WAL that waits or is lacking", "On the host, and in each store.",
                  (of("wal_backlog_age_seconds", "waits {{system}}"),
                   of("wal_store_lacking_seconds", f"lacking {_STORE}")), red=900),
            Panel("Segments that a store lacks", "", (of("wal_store_lacking_segments", _STORE),), unit="short", red=1),
            Panel("Age of the backup that a store lacks", "", (of("backup_store_lacking_seconds", _TIER),), red=7200),
            Panel("Copies that should have expired", "", (of("retention_overdue_copies", _TIER),), unit="short", red=1),
            Panel("Copies missing from those kept at the least", "", (of("retention_lacking_copies", _TIER),),
                  unit="short", red=1),
        ),
    ),
    Page(
        "dr-errors", "Error Rate Trends", "What fails, since when, and whether people are told.",
        (
            FIRING,
            Panel("Failed runs a day", "", (a_day("procedure_failure_total", "system,procedure", _PROCEDURE),),
                  unit="short", look=Look.BARS, red=1),
            Panel("Copies missed a day", "", (a_day("backup_failure_total", "system,kind,tier", _TIER),), unit="short",
                  look=Look.BARS, red=1),
            Panel("Procedures whose last run failed", "", (of("procedure_last_failed", _PROCEDURE),),
                  unit="short", red=1),
            Panel("Damaged copies", "", (of("backup_damaged_copies", _STORE),), unit="short", red=1),
            Panel("Rows against the backup before", "Of the table that lost most; less than half is a warning.",
                  (of("backup_rows_ratio"),), unit="percentunit", red=0.5, below=True),
            Panel("Holes in the recoverable window", "", (of("pitr_window_gaps"),), unit="short", red=1),
            Panel("Stores and receivers that answer", "1 is well.",
                  (of("storage_up", "store {{system}} {{tier}}"), of("wal_receiver_up", "WAL receiver {{system}}")),
                  unit="short", red=1, below=True),
            Panel("Parts that are measured", "1 is well: 0 while one cannot be looked at.",
                  (of("measurement_up", "{{system}} {{part}}"),), unit="short", red=1, below=True),
            Panel("Runs that are overdue", "Since they were due.",
                  (of("schedule_overdue_seconds", _PROCEDURE),), red=1),
            Panel("Prefect", "Whether its server answers, each schedule is active, and runs that wait for a worker.",
                  (of("scheduler_up", "server {{system}}"), of("schedule_active", f"active {_PROCEDURE}"),
                   of("schedule_late_runs", f"late {_PROCEDURE}")),
                  unit="short", rare="only where the exporter is told of Prefect's server"),
            Panel("Notices a day", "Taken by the provider of each channel.",
                  (a_day("alert_delivered_total", "system,channel", _CHANNEL),), unit="short",
                  look=Look.BARS),
            Panel("Refused notices a day", "",
                  (a_day("alert_refused_total", "system,channel", _CHANNEL),), unit="short",
                  look=Look.BARS, red=1, rare="nothing was ever refused"),
            Panel("Notices that wait", "No provider has taken them yet.", (of("alert_waiting"),), unit="short", red=1),
            Panel("Exporters that answer", "1 is well.",
                  (Query('up{job="coreflow360-dr"}', "{{instance}}"),), unit="short", red=1, below=True),
        ),
    ),
    Page(
        "dr-system", "Protected System", "One system on one page: may I sleep?",
        (
            Panel("Newest good backup", "The oldest of the database's kinds.",
                  (Query(f"max({chosen('backup_good_age_seconds', _DATABASE)} < Inf)", "age"),),
                  look=Look.NUMBER, width=4, red=DAY),
            Panel("WAL behind", "", (known("wal_lag_seconds", "lag"),), look=Look.NUMBER, width=4, red=900),
            Panel("Recoverable window", "", (of("pitr_window_seconds", "window"),), look=Look.NUMBER, width=4),
            Panel("Since the last green drill", "", (known("drill_age_seconds", "age"),), look=Look.NUMBER, width=4,
                  red=7 * DAY),
            Panel("Least free share", "", (Query(f"min({chosen('storage_free_ratio')})", "free"),), unit="percentunit",
                  look=Look.NUMBER, width=4, red=0.1, below=True),
            Panel("Least days of a certificate", "", (Query(f"min({chosen('certificate_days_left')})", "days"),),
                  unit="d", look=Look.NUMBER, width=4, red=7, below=True),
            GOOD_AGE, WAL_LAG, RTO, PHASES, FREE, SIZES, CERTIFICATES, FIRING,
            Panel("Keys that backups are encrypted to", "Days since each was made.",
                  (of("key_age_days", "{{fingerprint}}"),), unit="d"),
            Panel("Days until keys end", "From then on no backup can be made with it.",
                  (of("key_days_left", "{{fingerprint}}"),), unit="d", red=30, below=True,
                  rare="only keys that end"),
            Panel("Backups can be encrypted", "1 is well.", (of("key_usable"),), unit="short", red=1, below=True),
            Panel("Backups follow the keys", "0 is well: 1 while the newest backup is encrypted to other keys.",
                  (of("key_rotation_pending", "{{kind}}"),), unit="short", red=1),
            Panel("Since the alert path was tested", "", (of("alert_test_age_seconds"),), red=2 * DAY),
            Panel("Channels that confirmed the last test", "Fewer than two are too few.",
                  (of("alert_channels_confirmed"),), unit="short", red=2, below=True),
        ),
        single=True,
    ),
)  # fmt: skip
