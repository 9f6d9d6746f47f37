SELECT current_setting('archive_mode') AS archive_mode,
       archiver.failed_count,
       archiver.last_failed_wal,
       archiver.last_failed_time > coalesce(archiver.last_archived_time, '-infinity') AS failing,
       archiver.last_archived_wal,
       archiver.last_archived_time
  FROM pg_stat_archiver AS archiver
