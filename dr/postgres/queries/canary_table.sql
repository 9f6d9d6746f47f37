CREATE TABLE IF NOT EXISTS dr_canary (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    committed_at timestamptz NOT NULL DEFAULT clock_timestamp()
)
