-- Names of traits that look like addresses or ids are not kept any more, and those that were kept go. Where a database
-- cannot tell, more goes than has to: what is said again is counted again.
DELETE FROM unmapped
WHERE length(spelling) > 64
    OR spelling LIKE '%@%' OR spelling LIKE '%\%40%' ESCAPE '\' OR spelling LIKE '%(at)%' OR spelling LIKE '%[at]%'
    OR instr(spelling, char(65312)) > 0
    OR spelling GLOB '*[0-9][0-9][0-9][0-9][0-9]*'
    OR spelling GLOB '*[0-9]*[0-9]*[0-9]*[0-9]*[0-9]*[0-9]*[0-9]*[0-9]*'
    OR (length(replace(spelling, '-', '')) >= 16 AND replace(spelling, '-', '') NOT GLOB '*[^0-9a-fA-F]*')
    OR (length(spelling) >= 20 AND spelling NOT GLOB '*[^0-9A-Za-z]*' AND spelling GLOB '*[0-9]*');

-- Who has asked everybody else not to change the graphs of a connection for a moment.
CREATE TABLE claims (
    connection INTEGER PRIMARY KEY,
    holder BLOB NOT NULL,
    until INTEGER NOT NULL
) STRICT;
