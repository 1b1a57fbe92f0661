-- Plans of replays: a frozen set of dead letters, and what became of each. Ids, digests and fixed words only, nothing
-- personal: a delete has nothing to erase here.

CREATE TABLE plans (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    state TEXT NOT NULL CHECK (state IN
        ('planning', 'ready', 'running', 'paused', 'stopped', 'cancelled', 'done', 'expired')),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    -- What was planned, with which options it runs, and how far it is, as JSON.
    frame TEXT NOT NULL,
    options TEXT NOT NULL,
    progress TEXT NOT NULL,
    -- Who runs it.
    holder BLOB,
    token INTEGER NOT NULL DEFAULT 0,
    lease_until INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX plans_by_state ON plans (state);

CREATE TABLE plan_items (
    plan INTEGER NOT NULL,
    -- The dead letter, which may expire before its plan does.
    letter INTEGER NOT NULL,
    event BLOB NOT NULL,
    connection INTEGER NOT NULL,
    -- By whom items are taken together: the least digest of the person's identifiers; without a person, the event's id.
    person BLOB NOT NULL,
    -- The group when it was planned.
    group_key TEXT NOT NULL,
    state TEXT NOT NULL,
    -- A fixed word; of a dead letter that died again of something else, its new group.
    reason TEXT NOT NULL DEFAULT '',
    -- Planned calls in thousandths; the first item of a person has them all.
    weight INTEGER NOT NULL DEFAULT 0,
    -- When the dead letter died before it was released: a later time says that it died again.
    died_at INTEGER NOT NULL,
    released_at INTEGER,
    -- When the event came to its end.
    ended_at INTEGER,
    PRIMARY KEY (plan, letter)
) STRICT, WITHOUT ROWID;

CREATE INDEX plan_items_in_order ON plan_items (plan, state, connection, person, letter);

-- Items by state and reason, kept in the transactions that change them.
CREATE TABLE plan_counts (
    plan INTEGER NOT NULL,
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (plan, state, reason)
) STRICT, WITHOUT ROWID;

-- Which plan a dead letter is reserved by. The entry of a plan that has finished counts for nothing, and is overwritten.
CREATE TABLE plan_holds (
    letter INTEGER PRIMARY KEY,
    plan INTEGER NOT NULL
) STRICT;

CREATE INDEX plan_holds_by_plan ON plan_holds (plan);
