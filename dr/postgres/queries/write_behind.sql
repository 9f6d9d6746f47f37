-- A message in the WAL that changes nothing; with its commit it is flushed.
SELECT pg_logical_emit_message(true, 'coreflow360-dr', 'recovery point')
