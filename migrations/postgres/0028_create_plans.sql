-- Plans of replays: a frozen set of dead letters, and what became of each. Ids, digests and fixed words only, nothing
-- personal: a delete has nothing to erase here.

CREATE TABLE plans (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    state text NOT NULL CHECK (state IN
        ('planning', 'ready', 'running', 'paused', 'stopped', 'cancelled', 'done', 'expired')),
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    -- What was planned, with which options it runs, and how far it is, as JSON.
    frame text NOT NULL,
    options text NOT NULL,
    progress text NOT NULL,
    -- Who runs it.
    holder uuid,
    token bigint NOT NULL DEFAULT 0,
    lease_until bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

CREATE INDEX plans_by_state ON plans (state);

CREATE TABLE plan_items (
    plan bigint NOT NULL,
    -- The dead letter, which may expire before its plan does.
    letter bigint NOT NULL,
    event uuid NOT NULL,
    connection bigint NOT NULL,
    -- By whom items are taken together: the least digest of the person's identifiers; without a person, the event's id.
    person bytea NOT NULL,
    -- The group when it was planned.
    group_key text NOT NULL,
    state text NOT NULL,
    -- A fixed word; of a dead letter that died again of something else, its new group.
    reason text NOT NULL DEFAULT '',
    -- Planned calls in thousandths; the first item of a person has them all.
    weight bigint NOT NULL DEFAULT 0,
    -- When the dead letter died before it was released: a later time says that it died again.
    died_at bigint NOT NULL,
    released_at bigint,
    -- When the event came to its end.
    ended_at bigint,
    PRIMARY KEY (plan, letter)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);

CREATE INDEX plan_items_in_order ON plan_items (plan, state, connection, person, letter);

-- Items by state and reason, kept in the transactions that change them.
CREATE TABLE plan_counts (
    plan bigint NOT NULL,
    state text NOT NULL,
    reason text NOT NULL,
    count bigint NOT NULL,
    PRIMARY KEY (plan, state, reason)
) WITH (fillfactor = 50);

-- Which plan a dead letter is reserved by. The entry of a plan that has finished counts for nothing, and is overwritten.
CREATE TABLE plan_holds (
    letter bigint PRIMARY KEY,
    plan bigint NOT NULL
);

CREATE INDEX plan_holds_by_plan ON plan_holds (plan);
