-- What tells a damaged database from a whole one.
--
-- The program adds up the rows that are there already, and sets `user_version`
-- when that is done: a migration that was interrupted is begun again.

-- What the rows of a key and its secrets add up to, and those of a service.
-- Apart from them, so that neither can be out of date without the other. They
-- are no signature: whoever writes the one can write the other.
CREATE TABLE key_sums (
    key INTEGER PRIMARY KEY REFERENCES keys (number) ON DELETE CASCADE,
    sum INTEGER NOT NULL
) STRICT;

CREATE TABLE service_sums (
    service TEXT PRIMARY KEY REFERENCES services (name) ON DELETE CASCADE,
    sum     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- All sums in one, beside the revision: a page of sums that is older than the
-- head does not match it. Exclusive or, in the operators that SQLite has: it
-- never overflows, and takes a sum out as it put it in.
ALTER TABLE head ADD COLUMN sums INTEGER NOT NULL DEFAULT 0;

CREATE TRIGGER key_sums_added AFTER INSERT ON key_sums BEGIN
    UPDATE head SET sums = (sums | NEW.sum) - (sums & NEW.sum);
END;

CREATE TRIGGER key_sums_changed AFTER UPDATE ON key_sums BEGIN
    UPDATE head SET sums = (sums | OLD.sum) - (sums & OLD.sum);
    UPDATE head SET sums = (sums | NEW.sum) - (sums & NEW.sum);
END;

CREATE TRIGGER key_sums_removed AFTER DELETE ON key_sums BEGIN
    UPDATE head SET sums = (sums | OLD.sum) - (sums & OLD.sum);
END;

CREATE TRIGGER service_sums_added AFTER INSERT ON service_sums BEGIN
    UPDATE head SET sums = (sums | NEW.sum) - (sums & NEW.sum);
END;

CREATE TRIGGER service_sums_changed AFTER UPDATE ON service_sums BEGIN
    UPDATE head SET sums = (sums | OLD.sum) - (sums & OLD.sum);
    UPDATE head SET sums = (sums | NEW.sum) - (sums & NEW.sum);
END;

CREATE TRIGGER service_sums_removed AFTER DELETE ON service_sums BEGIN
    UPDATE head SET sums = (sums | OLD.sum) - (sums & OLD.sum);
END;

-- Two random names. The birth never changes, and every change puts it into the
-- log: a log with another one is of another database. The life is drawn anew
-- for a backup, and whenever a file is put in place: it tells a file that was
-- put in the place of another from that one, set back.
ALTER TABLE head ADD COLUMN birth BLOB NOT NULL DEFAULT x'' CHECK (length(birth) IN (0, 16));
ALTER TABLE head ADD COLUMN life BLOB NOT NULL DEFAULT x'' CHECK (length(life) IN (0, 16));
UPDATE head SET birth = randomblob(16), life = randomblob(16);
