//! Calls and statements with an effect, in every place where they can hide: none of them is a read.

use countersign::Dialect;
use countersign::inspect::sql::{SqlEffect, inspect};

/// Calls and expressions that do more than read, or of which nobody knows what they do.
const POSTGRESQL: [&str; 44] = [
    "nextval('s')",
    "setval('s', 7)",
    "pg_catalog.nextval('s')",
    "NEXTVAL ( 's' )",
    "\"nextval\"('s')",
    "U&\"\\006eextval\"('s')",
    "pg_terminate_backend(7)",
    "pg_cancel_backend(7)",
    "pg_reload_conf()",
    "pg_rotate_logfile()",
    "pg_read_file('/etc/passwd')",
    "pg_read_binary_file('x')",
    "pg_ls_dir('.')",
    "lo_create(0)",
    "lo_import('/etc/passwd')",
    "lo_export(7, '/tmp/x')",
    "lo_unlink(7)",
    "lowrite(1, 'x')",
    "lo_from_bytea(0, 'x')",
    "lo_put(7, 0, 'x')",
    "dblink('', 'DELETE FROM t')",
    "dblink_exec('DELETE FROM t')",
    "set_config('role', 'postgres', false)",
    "pg_advisory_lock(1)",
    "pg_try_advisory_xact_lock(1)",
    "pg_advisory_unlock_all()",
    "pg_notify('a', 'b')",
    "txid_current()",
    "pg_current_xact_id()",
    "pg_switch_wal()",
    "pg_create_restore_point('x')",
    "pg_logical_emit_message(true, 'a', 'b')",
    "pg_stat_reset()",
    "pg_export_snapshot()",
    "query_to_xml('DELETE FROM t', true, true, '')",
    "pg_import_system_collations('pg_catalog')",
    "brin_summarize_new_values('i')",
    "gin_clean_pending_list('i')",
    "pg_replication_origin_create('x')",
    "pg_promote()",
    "pg_drop_replication_slot('x')",
    "audit(1)",
    "public.lower('x')",
    "(t.x).f(1)",
];

const MYSQL: [&str; 29] = [
    "get_lock('a', 1)",
    "GET_LOCK ('a', 1)",
    "`get_lock`('a', 1)",
    "release_lock('a')",
    "release_all_locks()",
    "benchmark(9, 1)",
    "load_file('/etc/passwd')",
    "LOAD_FILE/**/('/etc/passwd')",
    "nextval(s)",
    "setval(s, 7)",
    "NEXT VALUE FOR s",
    "@x := 7",
    "(@x := 7)",
    "last_insert_id(7)",
    "master_pos_wait('a', 1)",
    "sys_exec('rm')",
    "sys_eval('rm')",
    "audit(1)",
    "test.lower('x')",
    "`lower` ('x')",
    "`left`('x', 1)",
    "`replace`('x', 'y', 'z')",
    "rank ()",
    "json_arrayagg (a)",
    "now ()",
    "1 /*!50000 + audit(1) */",
    "1 /*M!100100 + audit(1) */",
    "test.audit(1)",
    "sys.ps_kill(1)",
];

const SQLITE: [&str; 14] = [
    "load_extension('x')",
    "LOAD_EXTENSION('x', 'y')",
    "\"load_extension\"('x')",
    "[load_extension]('x')",
    "`load_extension`('x')",
    "writefile('/tmp/x', 'y')",
    "readfile('/etc/passwd')",
    "edit('x')",
    "eval('DELETE FROM t')",
    "fts3_tokenizer('a', x'00')",
    "audit(1)",
    "load_extension /* x */ ('x')",
    "x REGEXP audit(1)",
    "sqlar_uncompress(1, 2)",
];

/// Places for an expression that every dialect has.
const PLACES: [&str; 22] = [
    "SELECT ?",
    "SELECT a, ? AS b FROM t",
    "SELECT * FROM t WHERE a = ?",
    "SELECT * FROM t WHERE a IN (1, ?)",
    "SELECT * FROM t WHERE a BETWEEN 1 AND ?",
    "SELECT a FROM t GROUP BY ?",
    "SELECT a FROM t GROUP BY a HAVING max(a) > ?",
    "SELECT a FROM t ORDER BY ?, a LIMIT 1",
    "SELECT a FROM t JOIN u ON t.a = ?",
    "SELECT (SELECT (SELECT ?))",
    "SELECT * FROM (SELECT ? AS x) AS y",
    "SELECT CASE WHEN a = 1 THEN 2 ELSE ? END FROM t",
    "SELECT CASE ? WHEN 1 THEN 2 END",
    "SELECT coalesce(a, abs(?)) FROM t",
    "SELECT CAST(? AS char(3))",
    "SELECT 1 UNION ALL SELECT ?",
    "(SELECT ?)",
    "WITH x AS (SELECT ? AS b) SELECT * FROM x",
    "WITH RECURSIVE x(b) AS (SELECT 1 UNION ALL SELECT ? FROM x) SELECT 1",
    "SELECT EXISTS (SELECT ?)",
    "SELECT NOT ?",
    "SELECT sum(a) OVER (ORDER BY ?) FROM t",
];

const POSTGRESQL_PLACES: [&str; 16] = [
    "VALUES (1), (?)",
    "SELECT * FROM t LIMIT ?",
    "SELECT * FROM t OFFSET ?",
    "SELECT * FROM t FETCH FIRST (?) ROWS ONLY",
    "SELECT ARRAY[1, ?]",
    "SELECT ROW(1, ?)",
    "SELECT a[?] FROM t",
    "SELECT max(a) FILTER (WHERE a = ?) FROM t",
    "SELECT * FROM t, LATERAL (SELECT ?) AS x",
    "SELECT DISTINCT ON (?) a FROM t",
    "SELECT a LIKE ANY (ARRAY['x', ?]) FROM t",
    "SELECT string_agg(a, ',' ORDER BY ?) FROM t",
    "EXPLAIN ANALYZE SELECT ?",
    "SELECT 1 = ANY (SELECT ?)",
    "SELECT extract(year FROM ?)",
    "COPY (SELECT ?) TO STDOUT",
];

/// Statements with an effect that every dialect has.
const STATEMENTS: [&str; 14] = [
    "DELETE FROM t",
    "UPDATE t SET a = 1",
    "INSERT INTO t VALUES (1)",
    "DROP TABLE t",
    "CREATE TABLE u (a int)",
    "ALTER TABLE t ADD COLUMN b int",
    "CREATE VIEW v AS SELECT 1",
    "DROP VIEW v",
    "CREATE INDEX i ON t (a)",
    "DROP INDEX i",
    "BEGIN",
    "COMMIT",
    "ROLLBACK",
    "ANALYZE",
];

const AROUND: [&str; 12] = [
    "?",
    "SELECT 1; ?",
    "?; SELECT 1",
    "/* SELECT 1 */ ?",
    "-- SELECT 1\n?",
    ";;?;;",
    "\t\r\n ?",
    "SELECT '; -- '; ?",
    "SELECT ';'; /* ; */ ?",
    "SELECT 1 -- ;\n; ?",
    "SELECT 1; /* ? */ ?",
    "SELECT /* '*/ 1; ? -- '",
];

const POSTGRESQL_STATEMENTS: [&str; 26] = [
    "SELECT * FROM t FOR UPDATE",
    "SELECT * FROM t FOR NO KEY UPDATE SKIP LOCKED",
    "SELECT * FROM t FOR KEY SHARE",
    "SELECT * INTO x FROM t",
    "SELECT 1 INTO TEMP x",
    "WITH x AS (DELETE FROM t RETURNING a) SELECT * FROM x",
    "SELECT * FROM (WITH x AS (UPDATE t SET a = 1 RETURNING a) SELECT * FROM x) AS y",
    "CALL p()",
    "DO 'BEGIN END'",
    "EXECUTE p",
    "COPY t FROM STDIN",
    "COPY t TO '/tmp/x'",
    "COPY t TO PROGRAM 'rm'",
    "COPY (DELETE FROM t RETURNING a) TO STDOUT",
    "SET ROLE x",
    "SET SESSION AUTHORIZATION x",
    "RESET ROLE",
    "LOCK TABLE t",
    "NOTIFY a",
    "LISTEN a",
    "VACUUM t",
    "CHECKPOINT",
    "LOAD 'x'",
    "EXPLAIN ANALYZE DELETE FROM t",
    "EXPLAIN (COSTS OFF, ANALYZE ON) DELETE FROM t",
    "TABLE t FOR SHARE",
];

const MYSQL_STATEMENTS: [&str; 30] = [
    "SELECT * FROM t FOR UPDATE",
    "SELECT * FROM t LOCK IN SHARE MODE",
    "SELECT * FROM t INTO OUTFILE '/tmp/x'",
    "SELECT 1 INTO DUMPFILE '/tmp/x'",
    "SELECT 1 INTO @x",
    "SELECT a INTO @x FROM t",
    "CALL p()",
    "DO sleep(1)",
    "EXECUTE p",
    "PREPARE p FROM 'DELETE FROM t'",
    "HANDLER t OPEN",
    "LOAD DATA INFILE 'x' INTO TABLE t",
    "LOCK TABLES t READ",
    "FLUSH TABLES",
    "RESET MASTER",
    "KILL 1",
    "SET GLOBAL x = 1",
    "SET @x = 1",
    "SET PASSWORD = 'x'",
    "USE mysql",
    "REPLACE INTO t VALUES (1)",
    "/*! DELETE FROM t */",
    "/*!50000 DELETE FROM t */",
    "SELECT 1 /*! INTO OUTFILE '/tmp/x' */",
    "ANALYZE FORMAT=JSON DELETE FROM t",
    "SELECT '\\'; DELETE FROM t; -- '",
    "INSTALL PLUGIN x SONAME 'y'",
    "PURGE BINARY LOGS TO 'x'",
    "SELECT 1; DELETE FROM t -- ",
    "EXPLAIN ANALYZE DELETE FROM t",
];

const SQLITE_STATEMENTS: [&str; 16] = [
    "PRAGMA user_version = 7",
    "PRAGMA writable_schema(1)",
    "PRAGMA wal_checkpoint",
    "PRAGMA optimize",
    "ATTACH '/tmp/x' AS y",
    "DETACH y",
    "VACUUM",
    "VACUUM INTO '/tmp/x'",
    "REINDEX",
    "REPLACE INTO t VALUES (1)",
    "WITH x AS (SELECT 1) DELETE FROM t",
    "EXPLAIN DELETE FROM t; DELETE FROM t",
    "SAVEPOINT x",
    "RELEASE x",
    "EXPLAIN PRAGMA user_version = 7",
    "SELECT * FROM pragma_wal_checkpoint",
];

/// Counts the texts and lists those that are called a read.
fn reads(dialect: Dialect, texts: impl Iterator<Item = String>) -> (usize, Vec<String>) {
    let mut count = 0_usize;
    let wrong = texts
        .inspect(|_| count = count.saturating_add(1))
        .filter(|text| inspect(dialect, text).effect() == Some(SqlEffect::Read))
        .collect();
    (count, wrong)
}

fn put<'a>(inner: &'a [&str], outer: &'a [&str]) -> impl Iterator<Item = String> + 'a {
    outer.iter().flat_map(move |place| inner.iter().map(move |text| place.replace('?', text)))
}

#[test]
fn call_with_an_effect_is_a_read_nowhere() {
    let places: Vec<&str> = PLACES.iter().chain(&POSTGRESQL_PLACES).copied().collect();
    assert_eq!(reads(Dialect::PostgreSql, put(&POSTGRESQL, &places)), (44 * 38, Vec::new()));
    assert_eq!(reads(Dialect::MySql, put(&MYSQL, &PLACES)), (29 * 22, Vec::new()));
    assert_eq!(reads(Dialect::Sqlite, put(&SQLITE, &PLACES)), (14 * 22, Vec::new()));
    for calls in [&POSTGRESQL[..], &MYSQL[..], &SQLITE[..]] {
        assert_eq!(reads(Dialect::Generic, put(calls, &PLACES)).1, Vec::<String>::new());
    }
}

#[test]
fn statement_with_an_effect_is_a_read_nowhere() {
    for (dialect, own) in [
        (Dialect::PostgreSql, &POSTGRESQL_STATEMENTS[..]),
        (Dialect::MySql, &MYSQL_STATEMENTS[..]),
        (Dialect::Sqlite, &SQLITE_STATEMENTS[..]),
        (Dialect::Generic, &POSTGRESQL_STATEMENTS[..]),
    ] {
        assert_eq!(reads(dialect, put(&STATEMENTS, &AROUND)).1, Vec::<String>::new());
        assert_eq!(reads(dialect, put(own, &AROUND)).1, Vec::<String>::new());
    }
}

/// The places are no places if nothing harmless is understood there.
#[test]
fn harmless_call_is_a_read_in_every_place() {
    for (dialect, places) in [
        (Dialect::PostgreSql, &PLACES[..]),
        (Dialect::MySql, &PLACES[..]),
        (Dialect::Sqlite, &PLACES[..]),
        (Dialect::PostgreSql, &POSTGRESQL_PLACES[..]),
    ] {
        for text in put(&["lower('x')"], places) {
            assert_eq!(inspect(dialect, &text).effect(), Some(SqlEffect::Read), "{dialect}: {text}");
        }
    }
}
