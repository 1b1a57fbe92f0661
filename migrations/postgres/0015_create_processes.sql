-- The processes of the installation as they report themselves, and a row that is written to prove that writing works.
CREATE TABLE processes (
    id uuid PRIMARY KEY,
    role text NOT NULL CHECK (role IN ('serve', 'ingest', 'worker')),
    host text NOT NULL,
    pid bigint NOT NULL,
    version text NOT NULL,
    started_at bigint NOT NULL,
    beat_at bigint NOT NULL,
    -- NULL while it runs, and for one that was killed.
    ended_at bigint,
    -- The connections that it holds and their rates, as JSON.
    connections text NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE heartbeats (
    id bigint PRIMARY KEY CHECK (id = 1),
    at bigint NOT NULL
) WITH (fillfactor = 50);
