DELETE FROM dr_canary WHERE committed_at < clock_timestamp() - make_interval(days => %(days)s)
