-- The queue: messages of up to 256 envelopes each. Rows leave when they are acknowledged.

-- One row for each batch that a taker holds. A crashed taker's row runs out, and its messages come back.
CREATE TABLE tickets (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    expires_at INTEGER NOT NULL -- microseconds since 1970, UTC
) STRICT;

CREATE TABLE messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    lane INTEGER NOT NULL CHECK (lane IN (0, 1)), -- 0 live, 1 bulk
    format INTEGER NOT NULL, -- the newest format among the envelopes; an older program leaves the message alone
    events INTEGER NOT NULL CHECK (events > 0),
    bytes INTEGER NOT NULL CHECK (bytes > 0),
    handed_out INTEGER NOT NULL DEFAULT 0, -- how often a taker got it
    lost INTEGER NOT NULL DEFAULT 0, -- how often its taker neither acknowledged nor released it
    ticket INTEGER -- the ticket of who holds it; NULL: it waits
) STRICT;

-- Apart from what changes about a message: an update of a row writes all of it again.
CREATE TABLE bodies (
    message INTEGER PRIMARY KEY,
    body BLOB NOT NULL
) STRICT;

CREATE INDEX messages_waiting ON messages (lane, id) WHERE ticket IS NULL;
CREATE INDEX messages_taken ON messages (ticket) WHERE ticket IS NOT NULL;
CREATE INDEX messages_suspect ON messages (lost) WHERE lost > 1;

-- What the queue holds, waiting or taken, kept by the triggers below: publishing must not count rows.
CREATE TABLE totals (
    lane INTEGER PRIMARY KEY,
    events INTEGER NOT NULL CHECK (events >= 0),
    bytes INTEGER NOT NULL CHECK (bytes >= 0)
) STRICT;

INSERT INTO totals (lane, events, bytes) VALUES (0, 0, 0), (1, 0, 0);

CREATE TRIGGER messages_added AFTER INSERT ON messages BEGIN
    UPDATE totals SET events = events + new.events, bytes = bytes + new.bytes WHERE lane = new.lane;
END;

CREATE TRIGGER messages_removed AFTER DELETE ON messages BEGIN
    UPDATE totals SET events = events - old.events, bytes = bytes - old.bytes WHERE lane = old.lane;
    DELETE FROM bodies WHERE message = old.id;
END;
