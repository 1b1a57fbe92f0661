-- Names of traits that look like addresses or ids are not kept any more, and those that were kept go. Where a database
-- cannot tell, more goes than has to: what is said again is counted again.
DELETE FROM unmapped
WHERE length(spelling) > 64
    OR spelling ~* '@|%40|\(at\)|\[at\]' OR position(chr(65312) IN spelling) > 0
    OR spelling ~ '[0-9]{5}' OR spelling ~ '([0-9][^0-9]*){8}'
    OR replace(spelling, '-', '') ~* '[0-9a-f]{16}'
    OR (spelling ~ '[[:alnum:]]{20}' AND spelling ~ '[0-9]');

DELETE FROM unmapped_changes;

-- Who has asked everybody else not to change the graphs of a connection for a moment.
CREATE TABLE claims (
    connection bigint PRIMARY KEY,
    holder uuid NOT NULL,
    until bigint NOT NULL
);
