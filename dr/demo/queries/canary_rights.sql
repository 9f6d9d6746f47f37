-- The drill writes a row right before the disaster, by the role that backs up.
GRANT SELECT, INSERT, DELETE ON dr_canary TO backup;
