SELECT coalesce(current_setting('dr.test_system', true), '') AS mark
