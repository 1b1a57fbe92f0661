-- Connections take turns, so each message belongs to one. Those of an older program may hold envelopes of several; they are
-- taken as if they were one connection's, 0.
ALTER TABLE messages ADD COLUMN connection INTEGER NOT NULL DEFAULT 0;

DROP INDEX messages_waiting;
CREATE INDEX messages_waiting ON messages (lane, connection, id) WHERE ticket IS NULL;
