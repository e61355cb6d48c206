-- Statements of the pool's tests.

-- statement: say
-- lane: read
-- tenant: no (test)
-- params: value int8
-- columns: value int8
SELECT $1::int8 AS value;

-- statement: divide
-- lane: read
-- tenant: no (test)
-- params: divisor int4
-- columns: quotient int4
SELECT 100 / $1::int4 AS quotient;

-- statement: nap
-- lane: read
-- tenant: no (test)
-- params: ms int4
-- columns: ms int4
SELECT $1::int4 AS ms FROM pg_sleep($1::int4 / 1000.0);

-- statement: large
-- lane: read
-- tenant: no (test)
-- params: length int4
-- columns: text text
SELECT repeat('x', $1::int4) AS text;

-- statement: thing_count
-- lane: read
-- tenant: no (test)
-- params: none
-- columns: count int8
SELECT count(*) AS count FROM things;

-- statement: thing_name
-- lane: read
-- tenant: no (test)
-- params: id int8
-- columns: id int8, name text?
SELECT id, name FROM things WHERE id = $1::int8;

-- statement: thing_insert
-- lane: write
-- tenant: no (test)
-- params: id int8, name text?
-- columns: id int8
INSERT INTO things (id, name) VALUES ($1, $2) RETURNING id;

-- statement: thing_insert_silent
-- lane: write
-- tenant: no (test)
-- params: id int8
-- columns: none
INSERT INTO things (id) VALUES ($1);

-- statement: thing_insert_slowly
-- lane: write
-- tenant: no (test)
-- params: id int8, ms int4
-- columns: id int8
WITH slow AS MATERIALIZED (SELECT 1 AS one FROM pg_sleep($2::int4 / 1000.0))
INSERT INTO things (id) SELECT $1 FROM slow RETURNING id;

-- statement: child_insert
-- The foreign key is deferred: it fails at the commit.
-- lane: write
-- tenant: no (test)
-- params: thing_id int8
-- columns: thing_id int8
INSERT INTO children (thing_id) VALUES ($1) RETURNING thing_id;

-- statement: counter_raise
-- lane: write
-- tenant: no (test)
-- params: id int8, ms int4
-- columns: value int8
WITH slow AS MATERIALIZED (SELECT 1 AS one FROM pg_sleep($2::int4 / 1000.0))
UPDATE counters SET value = value + 1 FROM slow WHERE id = $1 RETURNING value;

-- statement: conflict
-- Fails with 40001 as often as `failures` says: a sequence is not rolled back.
-- lane: write
-- tenant: no (test)
-- params: failures int8
-- columns: tries int8
SELECT conflict($1) AS tries;

-- statement: end_session
-- lane: read
-- tenant: no (test)
-- params: none
-- columns: done bool
SELECT pg_terminate_backend(pg_backend_pid()) AS done;

-- statement: scalars
-- lane: read
-- tenant: no (test)
-- params: b bool?, i2 int2?, i4 int4?, i8 int8?, u uuid?, t text?, y bytea?, j jsonb?,
--   ts timestamptz?, d date?, n numeric?
-- columns: b bool?, i2 int2?, i4 int4?, i8 int8?, u uuid?, t text?, y bytea?, j jsonb?,
--   ts timestamptz?, d date?, n numeric?
SELECT $1::bool AS b, $2::int2 AS i2, $3::int4 AS i4, $4::int8 AS i8, $5::uuid AS u, $6::text AS t,
       $7::bytea AS y, $8::jsonb AS j, $9::timestamptz AS ts, $10::date AS d, ($11::numeric)::text AS n;

-- statement: arrays
-- lane: read
-- tenant: no (test)
-- params: i8 int8[], i4 int4[], u uuid[], t text[], b bool[], ts timestamptz[]
-- columns: i8 int8[], i4 int4[], u uuid[], t text[], b bool[], texts text
SELECT $1::int8[] AS i8, $2::int4[] AS i4, $3::uuid[] AS u, $4::text[] AS t, $5::bool[] AS b,
       concat_ws(';', $1::int8[]::text, $2::int4[]::text, $4::text[]::text, $5::bool[]::text,
                 (SELECT array_agg(extract(epoch FROM t)) FROM unnest($6::timestamptz[]) t)::text) AS texts;

-- statement: moods
-- An enum is text to us.
-- lane: read
-- tenant: no (test)
-- params: mood text
-- columns: mood text
SELECT $1::mood AS mood;

-- statement: stubborn
-- Sleeps on when it is cancelled, once.
-- lane: read
-- tenant: no (test)
-- params: none
-- columns: one int8
SELECT stubborn() AS one;

-- statement: counter_lock
-- lane: write
-- tenant: no (test)
-- params: id int8, divisor int4
-- columns: value int8
SELECT value / $2::int4 AS value FROM counters WHERE id = $1 FOR NO KEY UPDATE;

-- statement: thing_append
-- The next id: right only if nobody else has taken it meanwhile.
-- lane: write
-- tenant: no (test)
-- params: from_id int8
-- columns: id int8
INSERT INTO things (id) SELECT coalesce(max(id), $1) + 1 FROM things WHERE id >= $1 RETURNING id;

-- statement: planned_anew
-- lane: read
-- prepare: no (test)
-- tenant: no (test)
-- params: ids int8[], name text?
-- columns: count int8
SELECT count(*) AS count FROM things WHERE id = ANY ($1) AND ($2::text IS NULL OR name = $2::text);

-- statement: counter_hold
-- Sleeps with the row's lock in its hands.
-- lane: write
-- tenant: no (test)
-- params: id int8, ms int4
-- columns: value int8
UPDATE counters SET value = value + 1 WHERE id = $1
RETURNING value + (SELECT count(*) FROM pg_sleep($2::int4 / 1000.0)) AS value;

-- statement: counter_share
-- A part of twelve, after a while.
-- lane: write
-- group: counter_share_many
-- tenant: no (test)
-- params: id int8, parts int8, ms int4
-- columns: value int8
WITH slow AS MATERIALIZED (SELECT 1 AS one FROM pg_sleep($3::int4 / 1000.0))
UPDATE counters SET value = value + 12 / $2::int8 FROM slow WHERE id = $1 RETURNING value;

-- statement: counter_share_many
-- The same for several; of several counters none is waited for long.
-- lane: write
-- tenant: no (test)
-- params: ids int8[], parts int8[], ms int4[]
-- columns: value int8, n int8
WITH asked AS MATERIALIZED (
  SELECT a.* FROM unnest($1::int8[], $2::int8[], $3::int4[]) WITH ORDINALITY AS a(id, parts, ms, n)),
slow AS MATERIALIZED (
  SELECT CASE WHEN min(a.id) < max(a.id) THEN set_config('lock_timeout', '20ms', true) END AS brief,
    (SELECT count(*) FROM pg_sleep(max(a.ms) / 1000.0)) AS one
  FROM asked a),
raised AS (
  UPDATE counters c SET value = c.value + w.sum
  FROM (SELECT a.id, sum(12 / a.parts)::int8 AS sum FROM asked a CROSS JOIN slow GROUP BY a.id) w
  WHERE c.id = w.id
  RETURNING c.id, c.value - w.sum AS before)
SELECT (r.before + sum(12 / a.parts) OVER (PARTITION BY a.id ORDER BY a.n))::int8 AS value, a.n
FROM asked a JOIN raised r ON r.id = a.id
ORDER BY a.n;
