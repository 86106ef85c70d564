//! What single SQL statements are taken for.

use countersign::Dialect;
use countersign::inspect::sql::{SqlEffect, inspect};

const PG: Dialect = Dialect::PostgreSql;
const MY: Dialect = Dialect::MySql;
const LITE: Dialect = Dialect::Sqlite;
const ALL: [Dialect; 4] = [PG, MY, LITE, Dialect::Generic];

fn effect(dialect: Dialect, text: &str) -> Option<SqlEffect> {
    inspect(dialect, text).effect()
}

fn assert_effect(dialect: Dialect, expected: Option<SqlEffect>, texts: &[&str]) {
    for text in texts {
        let facts = inspect(dialect, text);
        assert_eq!(facts.effect(), expected, "{dialect}: {text}: {:?}", facts.obstacle());
    }
}

fn assert_never_read(dialect: Dialect, texts: &[&str]) {
    for text in texts {
        assert_ne!(effect(dialect, text), Some(SqlEffect::Read), "{dialect}: {text}");
    }
}

#[test]
fn function_behind_a_dot_is_a_call() {
    let picked = [
        "SELECT (16444).lo_unlink",
        "SELECT ('s'::regclass).nextval",
        "SELECT n.nextval FROM unnest(ARRAY['s'::regclass]) n",
        "SELECT (a).nextval FROM (SELECT 's'::regclass AS a) t",
        "SELECT ('/etc/passwd').pg_read_file",
        "SELECT (pid).pg_terminate_backend FROM pg_stat_activity",
        "SELECT a[1].lo_unlink FROM t",
        "SELECT (16444).\"lo_unlink\"",
        "SELECT lower(x).lo_unlink FROM t",
        "SELECT (SELECT 1).lo_unlink",
        "VALUES ((16444).lo_unlink)",
        "SELECT (x).somebodys_function FROM t",
        "SELECT n.ts_stat FROM unnest(ARRAY['SELECT evil()']) n",
        "SELECT ts_stat('SELECT evil()')",
    ];
    for sql in picked {
        let facts = inspect(Dialect::PostgreSql, sql);
        assert_ne!(facts.effect(), Some(SqlEffect::Read), "{sql}");
        assert_ne!(inspect(Dialect::Generic, sql).effect(), Some(SqlEffect::Read), "{sql}");
    }
    let update = inspect(Dialect::PostgreSql, "UPDATE t SET a = ('/etc/passwd').pg_read_file WHERE id = 1");
    assert_eq!(update.effect(), Some(SqlEffect::Admin));
    assert_eq!(update.functions(), ["pg_read_file"]);
    assert_ne!(inspect(Dialect::MySql, "SELECT s.nextval").effect(), Some(SqlEffect::Read));
    assert_eq!(inspect(Dialect::PostgreSql, "SELECT t.id FROM t").effect(), Some(SqlEffect::Read));
}

/// Where only one of MySQL and MariaDB has a name built in, the other looks for a stored function.
#[test]
fn name_that_one_server_lacks_is_not_understood() {
    let names = "any_value area asbinary astext aswkb aswkt bin_to_uuid binlog_gtid_pos boundary buffer centroid \
        chr column_add column_check column_create column_delete column_exists column_get column_json \
        column_list contains convexhull crc32c crosses decode decode_histogram decode_oracle \
        des_decrypt des_encrypt dimension disjoint encode encrypt endpoint envelope equals exteriorring \
        format_bytes format_pico_time geomcollfromtext geometrycollection geometryfromtext geometryn \
        geometrytype geomfromtext glength grouping gtid_subset gtid_subtract interiorringn intersects \
        is_uuid isclosed isempty isring issimple json_array_intersect json_compact json_detailed \
        json_equals json_exists json_loose json_normalize json_object_filter_keys json_object_to_array \
        json_query json_schema_valid json_schema_validation_report json_storage_free json_storage_size \
        kdf lastval lengthb linefromtext linestring mbrcoveredby mbrcovers median multilinestring \
        multipoint multipolygon natural_sort_key numgeometries numinteriorrings numpoints nvl nvl2 \
        old_password overlaps password percentile_cont percentile_disc point pointfromtext pointn \
        pointonsurface polyfromtext polygon ps_current_thread_id ps_thread_id regexp_like roles_graphml \
        sformat srid st_boundary st_collect st_geohash st_isring st_isvalid st_latfromgeohash \
        st_latitude st_longfromgeohash st_longitude st_makeenvelope st_pointonsurface st_relate \
        st_simplify st_swapxy st_transform st_validate startpoint statement_digest \
        statement_digest_text sys_guid to_char touches trim_oracle uuid_to_bin \
        validate_password_strength vec_distance_cosine vec_distance_euclidean vec_fromtext vec_totext \
        within wsrep_last_seen_gtid wsrep_last_written_gtid x y";
    assert_eq!(names.split_whitespace().count(), 138);
    for name in names.split_whitespace() {
        for arguments in ["", "1", "1, 2", "1, 2, 3"] {
            let sql = format!("SELECT {name}({arguments})");
            assert_eq!(effect(MY, &sql), None, "{sql}");
            assert_ne!(effect(Dialect::Generic, &sql), Some(SqlEffect::Read), "{sql}");
        }
    }
    assert_effect(MY, None, &["SELECT json_table()", "SELECT json_table(1)", "SELECT json_table(1, 2)"]);
    assert_effect(
        MY,
        Some(SqlEffect::Read),
        &[
            "SELECT ifnull(a, 1), st_x(b), regexp_replace(c, 'x', 'y'), json_value(d, '$.e') FROM t",
            "SELECT x, y, point, password FROM t",
            "SELECT j.a FROM json_table('[]', '$[*]' COLUMNS (a int PATH '$')) AS j",
        ],
    );
}

#[test]
fn plain_queries_read_in_every_dialect() {
    for dialect in ALL {
        assert_effect(
            dialect,
            Some(SqlEffect::Read),
            &[
                "SELECT 1",
                "SELECT a, count(*) FROM t WHERE b = 'x' GROUP BY a HAVING count(*) > 1 ORDER BY a LIMIT 5",
                "SELECT * FROM a LEFT JOIN b ON a.id = b.id WHERE a.x IN (SELECT x FROM c)",
                "WITH x AS (SELECT 1) SELECT * FROM x UNION ALL SELECT 2",
                "SELECT CASE WHEN a > 1 THEN 'x' ELSE 'y' END FROM t; -- done",
            ],
        );
    }
}

#[test]
fn change_inside_a_common_table_is_a_write() {
    assert_effect(
        PG,
        Some(SqlEffect::Write),
        &[
            "WITH x AS (DELETE FROM t WHERE id = 1 RETURNING *) SELECT * FROM x",
            "WITH x AS (SELECT 1), y AS (INSERT INTO t SELECT * FROM x RETURNING 1) SELECT 1",
            "SELECT * FROM (WITH x AS (UPDATE t SET a = 1 RETURNING a) SELECT * FROM x) y",
            "WITH x AS (WITH y AS (DELETE FROM t RETURNING 1) SELECT * FROM y) SELECT * FROM x",
            "COPY (DELETE FROM t RETURNING *) TO STDOUT",
        ],
    );
}

#[test]
fn explain_that_runs_has_the_effect_of_what_it_runs() {
    assert_effect(
        PG,
        Some(SqlEffect::Write),
        &[
            "EXPLAIN ANALYZE DELETE FROM t",
            "EXPLAIN (ANALYZE) UPDATE t SET a = 1",
            "EXPLAIN (COSTS OFF, ANALYZE TRUE) DELETE FROM t",
            "EXPLAIN (ANALYZE off, ANALYZE) DELETE FROM t",
            "EXPLAIN (ANALYZE 'on') DELETE FROM t",
            "EXPLAIN (ANALYZE 1) DELETE FROM t",
        ],
    );
    assert_effect(
        MY,
        Some(SqlEffect::Write),
        &["ANALYZE DELETE FROM t", "EXPLAIN ANALYZE DELETE FROM t", "ANALYZE FORMAT=JSON UPDATE t SET a=1"],
    );
    assert_effect(
        PG,
        Some(SqlEffect::Read),
        &["EXPLAIN DELETE FROM t", "EXPLAIN (ANALYZE false) DELETE FROM t"],
    );
    assert_effect(LITE, Some(SqlEffect::Read), &["EXPLAIN DELETE FROM t", "EXPLAIN QUERY PLAN SELECT 1"]);
    assert_never_read(LITE, &["EXPLAIN PRAGMA journal_mode = wal", "EXPLAIN ATTACH 'x' AS y"]);
}

#[test]
fn query_that_locks_or_stores_is_no_read() {
    for lock in [
        "FOR UPDATE",
        "FOR SHARE",
        "FOR NO KEY UPDATE",
        "FOR KEY SHARE",
        "FOR UPDATE OF t NOWAIT",
        "FOR UPDATE SKIP LOCKED",
    ] {
        let facts = inspect(PG, &format!("SELECT * FROM t {lock}"));
        assert_eq!((facts.effect(), facts.locks()), (Some(SqlEffect::Write), Some(true)), "{lock}");
    }
    assert_effect(
        PG,
        Some(SqlEffect::Write),
        &["SELECT 1 WHERE EXISTS (SELECT 1 FROM t FOR UPDATE)", "(SELECT * FROM t) FOR UPDATE"],
    );
    assert_effect(
        MY,
        Some(SqlEffect::Write),
        &["SELECT * FROM t LOCK IN SHARE MODE", "SELECT * FROM t FOR UPDATE"],
    );
    assert_effect(
        PG,
        Some(SqlEffect::Ddl),
        &["SELECT * INTO x FROM t", "SELECT INTO x FROM t", "SELECT a INTO TEMP TABLE x FROM t"],
    );
    assert_effect(
        MY,
        Some(SqlEffect::Admin),
        &["SELECT * INTO OUTFILE '/tmp/x' FROM t", "SELECT a FROM t INTO DUMPFILE '/tmp/x'"],
    );
    assert_effect(
        MY,
        Some(SqlEffect::Session),
        &["SELECT a INTO @x FROM t", "SELECT @a := 1", "SELECT a FROM t LIMIT 1 INTO @x"],
    );
    assert_eq!(inspect(PG, "SELECT * INTO x FROM t").stores(), Some(true));
}

#[test]
fn functions_with_effects_are_seen_wherever_they_stand() {
    for text in [
        "SELECT pg_terminate_backend(1)",
        "SELECT pg_catalog.pg_terminate_backend(1)",
        "SELECT PG_Terminate_Backend /* x */ (1)",
        "SELECT \"pg_terminate_backend\"(1)",
        "SELECT * FROM pg_read_file('/etc/passwd')",
        "SELECT * FROM t ORDER BY pg_sleep(1)",
        "SELECT * FROM t LIMIT (SELECT 1 FROM pg_sleep(9))",
        "SELECT count(*) FILTER (WHERE pg_reload_conf()) FROM t",
        "SELECT sum(1) OVER (ORDER BY pg_sleep(1)) FROM t",
        "SELECT ARRAY[pg_sleep(1)]",
        "SELECT a[pg_sleep(1)::text::int] FROM t",
        "VALUES (pg_sleep(1))",
        "SELECT CASE WHEN true THEN pg_sleep(1) END",
        "SELECT * FROM ROWS FROM (pg_ls_dir('.')) x",
        "SELECT DISTINCT ON (pg_sleep(1)) a FROM t",
        "SELECT * FROM a JOIN b ON pg_sleep(1) IS NULL",
        "SELECT * FROM LATERAL pg_ls_dir('.') x",
        "WITH x AS (SELECT pg_sleep(1)) SELECT 1",
        "SELECT dblink('host=x', 'DROP TABLE t')",
        "SELECT lo_export(1, '/tmp/x')",
        "SELECT * FROM t TABLESAMPLE system (pg_sleep(1)::text::int)",
        "EXPLAIN SELECT pg_sleep(1)",
        "DELETE FROM t WHERE id = 1 AND pg_cancel_backend(1)",
    ] {
        assert_eq!(effect(PG, text), Some(SqlEffect::Admin), "{text}");
    }
    assert_effect(
        PG,
        Some(SqlEffect::Write),
        &["SELECT nextval('s')", "SELECT setval('s', 1)", "SELECT pg_notify('a', 'b')"],
    );
    assert_effect(PG, Some(SqlEffect::Privilege), &["SELECT set_config('role', 'postgres', false)"]);
    assert_effect(
        MY,
        Some(SqlEffect::Admin),
        &[
            "SELECT SLEEP(1)",
            "SELECT LOAD_FILE('/etc/passwd')",
            "SELECT GET_LOCK('a', 1)",
            "SELECT `sleep`(1)",
            "SELECT BENCHMARK(9, 1)",
        ],
    );
    assert_effect(
        LITE,
        Some(SqlEffect::Admin),
        &["SELECT load_extension('x')", "SELECT writefile('a', 'b')", "SELECT \"load_extension\"('x')"],
    );
}

#[test]
fn names_that_are_not_known_are_not_understood() {
    for text in [
        "SELECT evil()",
        "SELECT public.lower('x')",
        "SELECT \"LOWER\"('x')",
        "SELECT \"coalesce\"(1)",
        "SELECT a.b.lower('x')",
        "EXPLAIN SELECT evil()",
        "SELECT 1 === 2",
        "SELECT 1 OPERATOR(public.+) 2",
        "SELECT a FROM t ORDER BY a USING OPERATOR(evil.<)",
        "SELECT * FROM t TABLESAMPLE evil (1)",
        "SELECT query_to_xml('DELETE FROM t', true, true, '')",
        "SELECT table_to_xml('secrets', true, true, '')",
    ] {
        assert!(!inspect(PG, text).understood(), "{text}");
    }
    assert_never_read(
        MY,
        &["SELECT db.evil()", "SELECT db.abs(1)", "SELECT evil()", "SELECT id FROM t PROCEDURE ANALYSE()"],
    );
    assert_never_read(
        LITE,
        &[
            "SELECT a REGEXP 'x' FROM t",
            "SELECT myfunc(1)",
            "SELECT * FROM fsdir('/')",
            "SELECT * FROM pragma_optimize",
        ],
    );
}

#[test]
fn function_apart_from_its_bracket_is_somebodys_own() {
    assert_never_read(MY, &["SELECT count (*) FROM t", "SELECT now/**/()", "SELECT 'a'@'b'", "SELECT @'b'"]);
    assert_effect(MY, Some(SqlEffect::Read), &["SELECT count(*), lower (a) FROM t"]);
    assert_effect(
        MY,
        Some(SqlEffect::Privilege),
        &["GRANT ALL ON d.* TO 'a'@'%'", "CREATE USER 'a'@'%'", "DROP USER `a`@`%`"],
    );
    assert_effect(
        PG,
        Some(SqlEffect::Admin),
        &["SELECT * FROM pg_catalog.pg_hba_file_rules", "TABLE pg_file_settings"],
    );
}

#[test]
fn statements_that_hide_others_are_not_understood() {
    for text in [
        "DO $$ BEGIN DELETE FROM t; END $$",
        "CALL p()",
        "EXECUTE q",
        "EXPLAIN EXECUTE q",
        "EXPLAIN ANALYZE EXECUTE q",
        "FETCH ALL FROM c",
        "MOVE 1 IN c",
        "CREATE PROCEDURE p() BEGIN ATOMIC DELETE FROM t; END",
        "\\! ls",
        "SELECT 1 \\gexec",
        "SELEC 1",
        "SELECT FROM WHERE",
        "SELECT 1 FROM",
        "SELECT (1",
        "SELECT 1)",
        "SELECT 1 2 3",
        "SELECT a b c FROM t",
        "SELECT * FROM t WHERE",
    ] {
        assert!(!inspect(PG, text).understood(), "{text}");
    }
    assert_never_read(
        MY,
        &["BEGIN NOT ATOMIC DELETE FROM t; END", "CALL p()", "HANDLER t OPEN", "EXECUTE q", "XA START 'x'"],
    );
    assert_never_read(LITE, &[".shell rm -rf /", ".dump", "SELECT 1 /* open ; DELETE FROM t"]);
}

#[test]
fn text_that_a_server_mode_reads_otherwise_is_refused() {
    assert_never_read(
        PG,
        &[
            "SELECT 'a\\'; DELETE FROM t; --'",
            "SELECT 'a\\''; DELETE FROM t; --'",
            "SELECT E'a\\''; DELETE FROM t; --'",
            "SELECT E'a'\n'\\''; DELETE FROM t; --'",
            "SELECT U&'x' UESCAPE '\\'",
            "SELECT U&\"\\006eextval\"('s')",
        ],
    );
    assert_never_read(
        MY,
        &[
            "SELECT 'a\\'; DELETE FROM t; -- '",
            "SELECT \"a\\\"; DELETE FROM t; -- \"",
            "SELECT 'é\\\\'; DELETE FROM t; -- '",
            "SELECT /*! 1; DELETE FROM t */ 1",
            "SELECT /*!50000 1 */",
            "SELECT /*M! 1 */",
            "SELECT 1 --1; DELETE FROM t",
            "SELECT \"sleep\"(1)",
        ],
    );
    assert_effect(
        PG,
        Some(SqlEffect::Read),
        &[
            "SELECT 'a\\d+'",
            "SELECT 'a\\\\'",
            "SELECT E'a\\'b'",
            "SELECT $x$ DELETE $y$ '; $x$",
            "SELECT 'a'\n'b'",
        ],
    );
    assert_effect(
        MY,
        Some(SqlEffect::Read),
        &[
            "SELECT 'a\\d'",
            "SELECT \"a\"",
            "SELECT 1 -- x",
            "SELECT 1 # x",
            "SELECT _utf8'a', N'b', x'41', 0x41",
        ],
    );
}

#[test]
fn comments_and_hidden_characters_hide_nothing() {
    assert_effect(
        PG,
        Some(SqlEffect::Write),
        &["/* a /* b */ c */ DELETE FROM t WHERE id = 1", "-- SELECT 1\nDELETE FROM t WHERE id = 1"],
    );
    for dialect in [MY, LITE, Dialect::Generic] {
        assert_never_read(dialect, &["SELECT 1 /* a /* b */ ; DELETE FROM t */", "SELECT 1 /* a /* b */ */"]);
    }
    for dialect in ALL {
        assert_never_read(
            dialect,
            &[
                "SELECT 1 -- x\rDELETE FROM t",
                "SELECT 1\0; DELETE FROM t",
                "SELECT\u{a0}1",
                "\u{feff}SELECT 1",
                "SELECT\u{2003}1",
                "SELECT '\u{202e}' || 1",
                "SELECT \u{1b}[2J1",
                "SELECT /*+ Set(x 1) */ 1",
                "SELECT ſleep(1)",
            ],
        );
    }
}

#[test]
fn settings_rank_by_what_they_change() {
    assert_effect(
        PG,
        Some(SqlEffect::Session),
        &[
            "SET work_mem = '4MB'",
            "SET LOCAL x TO 1",
            "BEGIN",
            "COMMIT",
            "SET TIME ZONE 'UTC'",
            "RESET ALL",
            "LISTEN a",
        ],
    );
    assert_effect(
        PG,
        Some(SqlEffect::Privilege),
        &[
            "SET ROLE postgres",
            "SET SESSION AUTHORIZATION x",
            "SET LOCAL ROLE x",
            "SET role = 'x'",
            "SET session_authorization TO x",
            "RESET ROLE",
            "RESET SESSION AUTHORIZATION",
            "GRANT SELECT ON t TO x",
            "ALTER TABLE t OWNER TO x",
            "ALTER TABLE t DISABLE ROW LEVEL SECURITY",
            "CREATE USER x",
        ],
    );
    assert_effect(
        PG,
        Some(SqlEffect::Admin),
        &[
            "VACUUM t",
            "REINDEX TABLE t",
            "LOCK TABLE t",
            "ALTER SYSTEM SET x = 1",
            "COPY t TO PROGRAM 'sh'",
            "COPY t FROM '/etc/passwd'",
            "CHECKPOINT",
            "LOAD 'x'",
            "CREATE EXTENSION dblink",
        ],
    );
    assert_effect(
        MY,
        Some(SqlEffect::Session),
        &["SET @a = 1", "SET sql_mode = ''", "USE x", "START TRANSACTION"],
    );
    assert_effect(
        MY,
        Some(SqlEffect::Admin),
        &[
            "SET GLOBAL x = 1",
            "SET @@global.x = 1",
            "SET a = 1, GLOBAL b = 2",
            "KILL 1",
            "FLUSH PRIVILEGES",
            "START SLAVE",
            "LOAD DATA INFILE 'x' INTO TABLE t",
            "ANALYZE TABLE t",
            "INSTALL PLUGIN x SONAME 'y.so'",
        ],
    );
    assert_never_read(
        MY,
        &["SET @a = (SELECT 1 INTO OUTFILE 'x')", "DO SLEEP(1)", "SET PASSWORD = 'x'", "SET ROLE x"],
    );
    assert_effect(
        LITE,
        Some(SqlEffect::Admin),
        &["PRAGMA journal_mode", "ATTACH 'x' AS y", "DETACH y", "VACUUM INTO 'x'"],
    );
}

#[test]
fn statement_behind_a_change_of_how_text_is_read_is_not_understood() {
    for (dialect, change) in [
        (MY, "SET NAMES gbk"),
        (MY, "SET CHARACTER SET sjis"),
        (MY, "SET CHARSET big5"),
        (MY, "SET character_set_client = gbk"),
        (MY, "SET SESSION sql_mode = 'ANSI_QUOTES'"),
        (MY, "SET @@sql_mode = ''"),
        (MY, "SET @@session.sql_mode = ''"),
        (MY, "SET @a = 1, sql_mode = ''"),
        (MY, "SET lock_wait_timeout = 1, `sql_mode` = ''"),
        (MY, "USE mysql"),
        (PG, "SET NAMES 'GBK'"),
        (PG, "SET client_encoding = 'SJIS'"),
        (PG, "SET LOCAL \"standard_conforming_strings\" TO off"),
        (PG, "SET search_path TO evil, pg_catalog"),
        (PG, "RESET standard_conforming_strings"),
        (PG, "RESET ALL"),
        (PG, "DISCARD ALL"),
        (PG, "SELECT set_config('search_path', 'evil', false)"),
        (PG, "SELECT 1 WHERE set_config('search_path', 'evil', false) = ''"),
        (PG, "SET app.tenant = '7'"),
    ] {
        assert!(inspect(dialect, change).understood(), "{dialect}: {change}");
        for text in [format!("{change}; SELECT 1"), format!("SELECT 1;;{change}; ; SELECT 1")] {
            assert!(!inspect(dialect, &text).understood(), "{dialect}: {text}");
        }
        assert!(inspect(dialect, &format!("SELECT 1; {change};")).understood(), "{dialect}: {change}");
    }
    for (dialect, change) in [
        (MY, "SET @a = 1"),
        (MY, "SET SESSION lock_wait_timeout = 1, @@max_execution_time = 5"),
        (MY, "SET TRANSACTION READ ONLY"),
        (PG, "SET statement_timeout = '5s'"),
        (PG, "SET LOCAL TIME ZONE 'UTC'"),
        (PG, "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"),
        (PG, "SET CONSTRAINTS ALL DEFERRED"),
        (PG, "RESET work_mem"),
    ] {
        assert_effect(dialect, Some(SqlEffect::Session), &[&format!("{change}; SELECT 1")]);
    }
}
