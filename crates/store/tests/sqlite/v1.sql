-- A database as version 1 of the schema left it: run after V1__records.sql.

PRAGMA application_id = 1348695404;
CREATE TABLE refinery_schema_history (
    version INT4 PRIMARY KEY,
    name VARCHAR(255),
    applied_on VARCHAR(255),
    checksum VARCHAR(255)
);
INSERT INTO refinery_schema_history VALUES (1, 'records', '2026-11-22T19:17:26Z', '3631198718415193815');

INSERT INTO services (name, quota, rate_requests, rate_period_ns, rate_burst, default_lifetime,
    prefix, created_at, version, unrevoked) VALUES
('orders', 3, 10, 60000000000, 20, 86400000, 'acme', 1000, 4, 2),
('other', 5, NULL, NULL, NULL, NULL, NULL, 1000, 1, 1);

INSERT INTO keys (number, id, service, environment, prefix, owner, name, scopes, rate_requests,
    rate_period_ns, rate_burst, state, revoked_at, revoked_why, created_at, expires_at, version)
VALUES
(1, x'00000000000040008000000000000001', 'orders', 'live', 'acme', 'alice', 'Nightly BÜCHER',
    'a:read b:*', 5, 1000000000, 5, 'active', NULL, NULL, 2000, 90000, 1),
(2, x'00000000000040008000000000000002', 'orders', 'test', 'acme', 'alice', 'x',
    '', NULL, NULL, NULL, 'disabled', NULL, NULL, 3000, NULL, 2),
(3, x'00000000000040008000000000000003', 'orders', 'live', 'acme', 'bob', 'nightly 2',
    'a:read', NULL, NULL, NULL, 'revoked', 4500, 'lost', 2000, NULL, 2),
(4, x'00000000000040008000000000000004', 'other', 'live', 'pck', 'bob', '"quoted" \ 100%',
    'c', NULL, NULL, NULL, 'active', NULL, NULL, 2500, NULL, 1);

INSERT INTO secrets (key, number, digest, root, created_at, ends_at) VALUES
(1, 1, zeroblob(32), 'k1', 2000, 70000),
(1, 2, randomblob(32), 'k2', 5000, NULL),
(2, 1, randomblob(32), 'k1', 3000, NULL),
(3, 1, randomblob(32), 'k1', 2000, NULL),
(4, 3, randomblob(32), 'k2', 2500, NULL);

INSERT INTO roots (name, check_mac) VALUES ('k1', zeroblob(32)), ('k2', randomblob(32));

INSERT INTO usage (key, granted, refused, throttled, last_used_at) VALUES
(1, 7, 2, 1, 6000),
(3, 0, 4, 0, NULL);
INSERT INTO usage_nodes (node, number, at) VALUES (zeroblob(16), 3, 6000);

INSERT INTO audit (sequence, at, service, key_id, root, mac, bytes) VALUES
(1, 1000, 'orders', NULL, 'k1', zeroblob(32),
    CAST('{"v":1,"at":1000,"actor":"gateway","action":"service.create","service":"orders"}' AS BLOB)),
(2, 2000, 'orders', x'00000000000040008000000000000001', 'k1', randomblob(32),
    CAST('{"v":1,"at":2000,"actor":"cli:alice","action":"key.create","service":"orders"}' AS BLOB)),
(3, 3000, 'orders', x'00000000000040008000000000000002', 'k1', randomblob(32),
    CAST('not what the program wrote' AS BLOB)),
(4, 4500, 'orders', x'00000000000040008000000000000003', 'k1', randomblob(32),
    CAST('{"v":1,"at":4500,"actor":"cli:bob","action":"key.revoke","service":"orders"}' AS BLOB)),
(5, 5000, 'orders', x'00000000000040008000000000000001', 'k1', zeroblob(32),
    CAST('{"v":1,"at":5000,"actor":"cli:bob","action":"key.rotate","service":"orders"}' AS BLOB));

INSERT INTO changes (revision, tag, kind, key_id) VALUES
(1, 11, 'service', NULL),
(2, -12, 'key', x'00000000000040008000000000000001'),
(3, 13, 'key', x'00000000000040008000000000000002'),
(4, 14, 'key', x'00000000000040008000000000000003'),
(5, 15, 'key', x'00000000000040008000000000000001');
UPDATE head SET revision = 5, tag = 15, audit_sequence = 5, audit_mac = zeroblob(32);
