-- Everything of a store, as of its first version.
--
-- Times are milliseconds since the Unix epoch, unless a name says otherwise.
-- The CHECK constraints repeat what the program guarantees, so that a mistake
-- is found when it is written and not when it is read.

-- The one row that every change updates last: where the history stands.
CREATE TABLE head (
    one            INTEGER PRIMARY KEY CHECK (one = 1),
    revision       INTEGER NOT NULL CHECK (revision >= 0),
    tag            INTEGER NOT NULL,
    audit_sequence INTEGER NOT NULL CHECK (audit_sequence >= 0),
    audit_mac      BLOB NOT NULL CHECK (length(audit_mac) = 32)
) STRICT;

-- The latest changes, for followers that ask what they missed.
CREATE TABLE changes (
    revision INTEGER PRIMARY KEY CHECK (revision >= 0),
    tag      INTEGER NOT NULL,
    kind     TEXT NOT NULL CHECK (kind IN ('start', 'service', 'key')),
    key_id   BLOB CHECK (length(key_id) = 16),
    CHECK ((kind = 'key') = (key_id IS NOT NULL))
) STRICT;

CREATE TABLE services (
    name             TEXT PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 63),
    quota            INTEGER NOT NULL CHECK (quota >= 1),
    rate_requests    INTEGER CHECK (rate_requests >= 1),
    rate_period_ns   INTEGER CHECK (rate_period_ns >= 1),
    rate_burst       INTEGER CHECK (rate_burst >= 1),
    default_lifetime INTEGER CHECK (default_lifetime >= 0),
    prefix           TEXT,
    created_at       INTEGER NOT NULL CHECK (created_at >= 0),
    version          INTEGER NOT NULL CHECK (version >= 1),
    -- Keys that are not revoked, the expired ones among them: as long as it
    -- lies below the quota, a creation need not count.
    unrevoked        INTEGER NOT NULL DEFAULT 0 CHECK (unrevoked >= 0),
    CHECK ((rate_requests IS NULL) = (rate_period_ns IS NULL)),
    CHECK ((rate_requests IS NULL) = (rate_burst IS NULL))
) STRICT, WITHOUT ROWID;

CREATE TABLE keys (
    number         INTEGER PRIMARY KEY,
    id             BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    service        TEXT NOT NULL REFERENCES services (name),
    environment    TEXT NOT NULL CHECK (environment IN ('live', 'test')),
    prefix         TEXT NOT NULL,
    owner          TEXT NOT NULL,
    name           TEXT NOT NULL,
    scopes         TEXT NOT NULL,
    rate_requests  INTEGER CHECK (rate_requests >= 1),
    rate_period_ns INTEGER CHECK (rate_period_ns >= 1),
    rate_burst     INTEGER CHECK (rate_burst >= 1),
    state          TEXT NOT NULL CHECK (state IN ('active', 'disabled', 'revoked')),
    revoked_at     INTEGER CHECK (revoked_at >= 0),
    revoked_why    TEXT,
    created_at     INTEGER NOT NULL CHECK (created_at >= 0),
    expires_at     INTEGER CHECK (expires_at >= 0),
    version        INTEGER NOT NULL CHECK (version >= 1),
    CHECK ((rate_requests IS NULL) = (rate_period_ns IS NULL)),
    CHECK ((rate_requests IS NULL) = (rate_burst IS NULL)),
    CHECK ((state = 'revoked') = (revoked_at IS NOT NULL)),
    CHECK ((state = 'revoked') = (revoked_why IS NOT NULL))
) STRICT;

-- The order of pages.
CREATE INDEX keys_by_creation ON keys (service, created_at, id);

-- What a quota counts, where the clock has to be asked. The state is in it so
-- that counting reads nothing but the index.
CREATE INDEX keys_by_expiry ON keys (service, expires_at, state) WHERE state <> 'revoked';

CREATE TABLE secrets (
    key        INTEGER NOT NULL REFERENCES keys (number),
    number     INTEGER NOT NULL CHECK (number >= 0),
    digest     BLOB NOT NULL CHECK (length(digest) = 32),
    root       TEXT NOT NULL,
    created_at INTEGER NOT NULL CHECK (created_at >= 0),
    ends_at    INTEGER CHECK (ends_at >= 0),
    PRIMARY KEY (key, number)
) STRICT, WITHOUT ROWID;

-- An HMAC of a constant for each root that was ever used here.
CREATE TABLE roots (
    name       TEXT PRIMARY KEY,
    check_mac  BLOB NOT NULL CHECK (length(check_mac) = 32)
) STRICT, WITHOUT ROWID;

CREATE TABLE usage (
    key          INTEGER PRIMARY KEY REFERENCES keys (number),
    granted      INTEGER NOT NULL CHECK (granted >= 0),
    refused      INTEGER NOT NULL CHECK (refused >= 0),
    throttled    INTEGER NOT NULL CHECK (throttled >= 0),
    last_used_at INTEGER CHECK (last_used_at >= 0)
) STRICT;

-- The last batch of each node, so that a repeated one counts once.
CREATE TABLE usage_nodes (
    node   BLOB PRIMARY KEY CHECK (length(node) = 16),
    number INTEGER NOT NULL CHECK (number >= 0),
    at     INTEGER NOT NULL CHECK (at >= 0)
) STRICT, WITHOUT ROWID;

CREATE INDEX usage_nodes_by_time ON usage_nodes (at);

CREATE TABLE audit (
    sequence INTEGER PRIMARY KEY CHECK (sequence >= 1),
    at       INTEGER NOT NULL CHECK (at >= 0),
    service  TEXT,
    key_id   BLOB CHECK (length(key_id) = 16),
    root     TEXT NOT NULL,
    mac      BLOB NOT NULL CHECK (length(mac) = 32),
    bytes    BLOB NOT NULL
) STRICT;

CREATE INDEX audit_by_service ON audit (service, sequence) WHERE service IS NOT NULL;
CREATE INDEX audit_by_key ON audit (key_id, sequence) WHERE key_id IS NOT NULL;

-- A history of its own: no two databases start with the same tag.
INSERT INTO head (one, revision, tag, audit_sequence, audit_mac)
VALUES (1, 0, random(), 0, zeroblob(32));
INSERT INTO changes (revision, tag, kind) SELECT revision, tag, 'start' FROM head;

-- What older programs look at before they touch anything.
PRAGMA user_version = 1;
