-- Lists by every part of a filter, and what the records gained.
--
-- The program adds one function before it runs this: `portcullis_fold(text)`,
-- lower case as `KeyName::folded` has it.

ALTER TABLE services ADD COLUMN max_lifetime INTEGER CHECK (max_lifetime >= 0);
ALTER TABLE services ADD COLUMN retired_at INTEGER CHECK (retired_at >= 0);
ALTER TABLE services ADD COLUMN retired_why TEXT
    CHECK ((retired_at IS NULL) = (retired_why IS NULL));

-- Absent: from everywhere, no members, no note.
ALTER TABLE keys ADD COLUMN addresses TEXT;
ALTER TABLE keys ADD COLUMN metadata TEXT CHECK (octet_length(metadata) <= 4096);
ALTER TABLE keys ADD COLUMN note TEXT CHECK (length(note) BETWEEN 1 AND 512);
ALTER TABLE keys ADD COLUMN created_by TEXT NOT NULL DEFAULT 'unknown'
    CHECK (length(created_by) BETWEEN 1 AND 128);

-- Who made the keys that are there already, the trail knows.
UPDATE keys SET created_by = coalesce((
    SELECT iif(length(event ->> '$.actor') BETWEEN 1 AND 128, event ->> '$.actor', NULL)
    FROM (
        SELECT iif(json_valid(CAST(bytes AS TEXT)), CAST(bytes AS TEXT), 'null') AS event
        FROM audit WHERE key_id = keys.id ORDER BY sequence LIMIT 1
    )
    WHERE event ->> '$.action' = 'key.create' AND json_type(event, '$.actor') = 'text'
), 'unknown');

-- Each of these ends with the row's number, which SQLite appends. Listings are
-- by creation, or by expiry where that or the state is asked for.
DROP INDEX keys_by_creation;
DROP INDEX keys_by_expiry;
CREATE INDEX keys_by_creation ON keys (created_at);
CREATE INDEX keys_by_service ON keys (service, created_at);
CREATE INDEX keys_by_owner ON keys (owner, created_at);
CREATE INDEX keys_by_environment ON keys (environment, created_at);
CREATE INDEX keys_by_state ON keys (state, expires_at);
-- What a quota counts, as well.
CREATE INDEX keys_by_service_state ON keys (service, state, expires_at);

CREATE TABLE key_scopes (
    scope      TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    key        INTEGER NOT NULL REFERENCES keys (number),
    PRIMARY KEY (scope, created_at, key)
) STRICT, WITHOUT ROWID;

-- A key's scopes are separated by one space each.
INSERT INTO key_scopes (scope, created_at, key)
WITH RECURSIVE words (word, rest, created_at, key) AS (
    SELECT NULL, scopes || ' ', created_at, number FROM keys WHERE scopes <> ''
    UNION ALL
    SELECT substr(rest, 1, instr(rest, ' ') - 1), substr(rest, instr(rest, ' ') + 1),
        created_at, key
    FROM words WHERE rest <> ''
)
SELECT word, created_at, key FROM words WHERE word IS NOT NULL
ON CONFLICT DO NOTHING;

-- Every three characters in a row of each folded name.
CREATE TABLE key_names (
    part       TEXT NOT NULL CHECK (length(part) = 3),
    created_at INTEGER NOT NULL,
    key        INTEGER NOT NULL REFERENCES keys (number),
    PRIMARY KEY (part, created_at, key)
) STRICT, WITHOUT ROWID;

INSERT INTO key_names (part, created_at, key)
WITH RECURSIVE
    folded (name, created_at, key) AS MATERIALIZED (
        SELECT portcullis_fold(name), created_at, number FROM keys
    ),
    -- Names have 128 characters, each of which folds into no more than three.
    places (at) AS (SELECT 1 UNION ALL SELECT at + 1 FROM places WHERE at < 382)
SELECT substr(name, at, 3), created_at, key
FROM folded JOIN places ON at <= length(name) - 2
WHERE true
ON CONFLICT DO NOTHING;

ALTER TABLE secrets RENAME TO secrets_1;
CREATE TABLE secrets (
    key        INTEGER NOT NULL REFERENCES keys (number),
    number     INTEGER NOT NULL CHECK (number >= 0),
    digest     BLOB NOT NULL CHECK (length(digest) = 32),
    root       TEXT NOT NULL,
    -- Whose tag the token bears; `root` may have come later.
    issuer     TEXT NOT NULL,
    created_at INTEGER NOT NULL CHECK (created_at >= 0),
    ends_at    INTEGER CHECK (ends_at >= 0),
    -- Whether the key is not revoked: what stands under a root is counted by
    -- these rows alone.
    standing   INTEGER NOT NULL CHECK (standing IN (0, 1)),
    PRIMARY KEY (key, number)
) STRICT, WITHOUT ROWID;
INSERT INTO secrets (key, number, digest, root, issuer, created_at, ends_at, standing)
SELECT s.key, s.number, s.digest, s.root, s.root, s.created_at, s.ends_at, k.state <> 'revoked'
FROM secrets_1 AS s JOIN keys AS k ON k.number = s.key;
DROP TABLE secrets_1;
CREATE INDEX secrets_by_root ON secrets (root, ends_at) WHERE standing = 1;
CREATE INDEX secrets_by_issuer ON secrets (issuer, ends_at) WHERE standing = 1;

ALTER TABLE roots ADD COLUMN retired INTEGER NOT NULL DEFAULT 0 CHECK (retired IN (0, 1));

-- A row for each key from its creation on, so that those never used are found
-- by an index. Service and creation never change, and stand here for the order.
ALTER TABLE usage RENAME TO usage_1;
CREATE TABLE usage (
    key                INTEGER PRIMARY KEY REFERENCES keys (number),
    service            TEXT NOT NULL,
    created_at         INTEGER NOT NULL,
    granted            INTEGER NOT NULL DEFAULT 0 CHECK (granted >= 0),
    refused_ended      INTEGER NOT NULL DEFAULT 0 CHECK (refused_ended >= 0),
    refused_foreign    INTEGER NOT NULL DEFAULT 0 CHECK (refused_foreign >= 0),
    refused_address    INTEGER NOT NULL DEFAULT 0 CHECK (refused_address >= 0),
    refused_permission INTEGER NOT NULL DEFAULT 0 CHECK (refused_permission >= 0),
    throttled          INTEGER NOT NULL DEFAULT 0 CHECK (throttled >= 0),
    last_used_at       INTEGER CHECK (last_used_at >= 0),
    last_address       TEXT CHECK (last_address IN ('loopback', 'link_local', 'private', 'public')),
    CHECK (last_address IS NULL OR last_used_at IS NOT NULL)
) STRICT;
-- What was refused before there were classes counts in the first of them.
INSERT INTO usage (key, service, created_at, granted, refused_ended, throttled, last_used_at)
SELECT k.number, k.service, k.created_at, coalesce(u.granted, 0), coalesce(u.refused, 0),
    coalesce(u.throttled, 0), u.last_used_at
FROM keys AS k LEFT JOIN usage_1 AS u ON u.key = k.number;
DROP TABLE usage_1;
CREATE INDEX usage_by_use ON usage (last_used_at) WHERE last_used_at IS NOT NULL;
CREATE INDEX usage_by_service_use ON usage (service, last_used_at) WHERE last_used_at IS NOT NULL;
CREATE INDEX usage_unused ON usage (created_at) WHERE last_used_at IS NULL;
CREATE INDEX usage_unused_by_service ON usage (service, created_at) WHERE last_used_at IS NULL;

CREATE TABLE secret_usage (
    key                INTEGER NOT NULL REFERENCES keys (number),
    number             INTEGER NOT NULL CHECK (number >= 0),
    granted            INTEGER NOT NULL DEFAULT 0 CHECK (granted >= 0),
    refused_ended      INTEGER NOT NULL DEFAULT 0 CHECK (refused_ended >= 0),
    refused_foreign    INTEGER NOT NULL DEFAULT 0 CHECK (refused_foreign >= 0),
    refused_address    INTEGER NOT NULL DEFAULT 0 CHECK (refused_address >= 0),
    refused_permission INTEGER NOT NULL DEFAULT 0 CHECK (refused_permission >= 0),
    throttled          INTEGER NOT NULL DEFAULT 0 CHECK (throttled >= 0),
    last_used_at       INTEGER CHECK (last_used_at >= 0),
    last_address       TEXT CHECK (last_address IN ('loopback', 'link_local', 'private', 'public')),
    PRIMARY KEY (key, number),
    CHECK (last_address IS NULL OR last_used_at IS NOT NULL)
) STRICT, WITHOUT ROWID;
INSERT INTO secret_usage (key, number) SELECT key, number FROM secrets;

-- Several rows for a revision of several steps; numbered, so that what is kept
-- is bounded by rows.
ALTER TABLE changes RENAME TO changes_1;
CREATE TABLE changes (
    number   INTEGER PRIMARY KEY,
    revision INTEGER NOT NULL CHECK (revision >= 0),
    tag      INTEGER NOT NULL,
    kind     TEXT NOT NULL CHECK (kind IN ('start', 'nothing', 'service', 'key')),
    key_id   BLOB CHECK (length(key_id) = 16),
    CHECK ((kind = 'key') = (key_id IS NOT NULL))
) STRICT;
INSERT INTO changes (revision, tag, kind, key_id)
SELECT revision, tag, kind, key_id FROM changes_1 ORDER BY revision;
DROP TABLE changes_1;
CREATE INDEX changes_by_revision ON changes (revision);

-- Signed places of the trail.
CREATE TABLE anchors (
    sequence  INTEGER PRIMARY KEY CHECK (sequence >= 1),
    mac       BLOB NOT NULL CHECK (length(mac) = 32),
    at        INTEGER NOT NULL CHECK (at >= 0),
    root      TEXT NOT NULL,
    signature BLOB NOT NULL CHECK (length(signature) = 32)
) STRICT;

PRAGMA user_version = 2;
