//! Functions: which are known to only compute, and which are known to do more.
//!
//! One table per dialect, sorted, one name a line: a name alone only computes or reads, a name with an
//! effect has it, `grammar` marks a word of the grammar that only computes. A name that is not in the table
//! is not understood. Some calls have words between their arguments instead of commas.

use super::facts::SqlEffect;
use super::names::Path;
use super::reader::{Read, Reader};
use super::tokens::Kind;
use crate::Dialect;

const POSTGRESQL: &str = include_str!("functions/postgresql.txt");
const MYSQL: &str = include_str!("functions/mysql.txt");
const SQLITE: &str = include_str!("functions/sqlite.txt");

/// What is known of a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Pure,
    /// A word of the grammar that only computes; in quotes it would be somebody's function.
    Grammar,
    Effect(SqlEffect),
    Unknown,
}

/// Looks a folded name up.
pub(super) fn class(dialect: Dialect, name: &str) -> Class {
    let table = match dialect {
        Dialect::MySql => MYSQL,
        Dialect::Sqlite => SQLITE,
        _ => POSTGRESQL,
    };
    match find(table, name) {
        None => Class::Unknown,
        Some("") => Class::Pure,
        Some("grammar") => Class::Grammar,
        Some("session") => Class::Effect(SqlEffect::Session),
        Some("write") => Class::Effect(SqlEffect::Write),
        Some("privilege") => Class::Effect(SqlEffect::Privilege),
        Some(_) => Class::Effect(SqlEffect::Admin),
    }
}

/// Says whether MySQL knows a function only with the bracket right behind its name ("Function Name Parsing
/// and Resolution").
pub(super) fn needs_bracket(name: &str) -> bool {
    let names = [
        "adddate",
        "bit_and",
        "bit_or",
        "bit_xor",
        "cast",
        "count",
        "cume_dist",
        "curdate",
        "curtime",
        "date_add",
        "date_sub",
        "dense_rank",
        "extract",
        "first_value",
        "group_concat",
        "json_arrayagg",
        "json_objectagg",
        "lag",
        "lead",
        "max",
        "median",
        "mid",
        "min",
        "now",
        "nth_value",
        "ntile",
        "percent_rank",
        "percentile_cont",
        "percentile_disc",
        "position",
        "rank",
        "session_user",
        "std",
        "stddev",
        "stddev_pop",
        "stddev_samp",
        "subdate",
        "substr",
        "substring",
        "sum",
        "sysdate",
        "system_user",
        "trim",
        "trim_oracle",
        "var_pop",
        "var_samp",
        "variance",
    ];
    names.binary_search(&name).is_ok()
}

/// Says whether a name is a view or table-like function over the server's files or memory.
pub(super) fn is_server_file(dialect: Dialect, name: &str) -> bool {
    match dialect {
        Dialect::PostgreSql => matches!(
            name,
            "pg_backend_memory_contexts"
                | "pg_file_settings"
                | "pg_hba_file_rules"
                | "pg_ident_file_mappings"
                | "pg_shmem_allocations"
        ),
        Dialect::Sqlite => {
            matches!(
                name,
                "fsdir" | "zipfile" | "csv" | "sqlite_dbpage" | "lsm1" | "wholenumber" | "completion"
            ) || name.starts_with("pragma_") && class(dialect, name) == Class::Unknown
        }
        _ => false,
    }
}

impl Reader<'_> {
    /// Reads a call that may have a form of its own; its first word stands at the cursor.
    pub(super) fn form(&mut self) -> Read {
        let path = Path { start: self.at, end: self.at };
        self.call(path)?;
        let name = self.word();
        let postgresql = self.dialect == Dialect::PostgreSql;
        self.skip(1);
        match name {
            "cast" | "try_cast" | "treat" | "xmlserialize" => self.bracketed(|reader| {
                reader.eat_any(&["document", "content"]);
                reader.expr()?;
                reader.expect(&["as"])?;
                reader.type_name()
            }),
            "extract" if self.word_at(2) == "from" => self.bracketed(|reader| {
                if !reader.eat_kind(Kind::Text) {
                    reader.name()?;
                }
                reader.expect(&["from"])?;
                reader.expr()
            }),
            "position" => self.bracketed(|reader| {
                reader.expr_until(super::expr::Stop::In)?;
                reader.expect(&["in"])?;
                reader.expr()
            }),
            "substring" | "substr" | "mid" => self.words_between(&["from", "for", "similar", "escape"]),
            "overlay" => self.words_between(&["placing", "from", "for"]),
            "trim" => self.bracketed(|reader| {
                reader.eat_any(&["both", "leading", "trailing"]);
                if reader.eat(&["from"]) {
                    return reader.exprs();
                }
                reader.exprs()?;
                if reader.eat(&["from"]) { reader.exprs() } else { Ok(()) }
            }),
            "convert" | "char" if self.dialect == Dialect::MySql => self.bracketed(|reader| {
                reader.expr()?;
                if reader.eat(&["using"]) {
                    reader.skip(1);
                    return Ok(());
                }
                while reader.eat_kind(Kind::Comma) {
                    if name == "convert" { reader.type_name()? } else { reader.expr()? }
                }
                if reader.eat(&["using"]) {
                    reader.skip(1);
                }
                Ok(())
            }),
            "group_concat" => self
                .bracketed(|reader| {
                    reader.eat(&["distinct"]);
                    reader.exprs()?;
                    if reader.eat(&["order", "by"]) {
                        reader.sorts()?;
                    }
                    if reader.eat(&["separator"]) {
                        reader.expr()?;
                    }
                    if reader.word() == "limit" { reader.limits().map(drop) } else { Ok(()) }
                })
                .and_then(|()| self.after_call()),
            "json_table" => self.json_table(),
            "xmltable" if postgresql => self.xml_table(),
            "xmlelement" | "xmlpi" if postgresql => self.bracketed(|reader| {
                reader.expect(&["name"])?;
                reader.skip(1);
                if reader.eat_kind(Kind::Comma) { reader.exprs() } else { Ok(()) }
            }),
            "xmlforest" | "xmlattributes" if postgresql => self.bracketed(|reader| {
                reader.listed(|reader| {
                    reader.expr()?;
                    if reader.eat(&["as"]) {
                        reader.skip(1);
                    }
                    Ok(())
                })
            }),
            "xmlparse" if postgresql => self.bracketed(|reader| {
                reader.eat_any(&["document", "content"]);
                reader.expr()?;
                if reader.eat_any(&["preserve", "strip"]) { reader.expect(&["whitespace"]) } else { Ok(()) }
            }),
            "xmlexists" if postgresql => self.bracketed(|reader| {
                reader.expr()?;
                reader.xml_passing()
            }),
            "xmlroot" if postgresql => self.bracketed(|reader| {
                reader.expr()?;
                while reader.eat_kind(Kind::Comma) {
                    if !reader.eat_any(&["version", "standalone"]) {
                        return Err(super::facts::Obstacle::Syntax);
                    }
                    if !(reader.eat(&["no", "value"]) || reader.eat_any(&["yes", "no"])) {
                        reader.expr()?;
                    }
                }
                Ok(())
            }),
            _ => self.arguments(),
        }
    }

    /// Reads `( … )` with words between the arguments.
    fn words_between(&mut self, words: &[&str]) -> Read {
        self.bracketed(|reader| {
            loop {
                reader.expr_until(super::expr::Stop::In)?;
                if !reader.eat_any(words) && !reader.eat_kind(Kind::Comma) {
                    return Ok(());
                }
            }
        })
    }

    /// Reads a call's arguments and what may stand behind them.
    pub(super) fn arguments(&mut self) -> Read {
        self.bracketed(|reader| {
            if reader.kind() == Kind::Close || reader.eat_operator("*") {
                return Ok(());
            }
            reader.eat_any(&["distinct", "all"]);
            reader.listed(Reader::argument)?;
            if reader.eat(&["order", "by"]) {
                reader.sorts()?;
            }
            if reader.eat_any(&["ignore", "respect"]) {
                reader.expect(&["nulls"])?;
            }
            Ok(())
        })?;
        self.after_call()
    }

    fn argument(&mut self) -> Read {
        self.eat(&["variadic"]);
        let named =
            self.tokens.operator(self.at.saturating_add(1)) == "=>" || self.kind_at(1) == Kind::Assign;
        if named && self.dialect == Dialect::PostgreSql {
            self.name()?;
            self.skip(1);
        }
        self.expr()
    }

    fn after_call(&mut self) -> Read {
        if self.eat(&["within", "group"]) {
            self.bracketed(|reader| {
                reader.expect(&["order", "by"])?;
                reader.sorts()
            })?;
        }
        if self.word() == "filter" && self.kind_at(1) == Kind::Open {
            self.skip(1);
            self.bracketed(|reader| {
                reader.expect(&["where"])?;
                reader.expr()
            })?;
        }
        if self.is(&["ignore", "nulls"]) || self.is(&["respect", "nulls"]) {
            self.skip(2);
        }
        if self.word() == "over" {
            if self.kind_at(1) == Kind::Open {
                self.skip(1);
                return self.window();
            }
            if self.is_name_at(1) {
                self.skip(2);
            }
        }
        Ok(())
    }

    /// Reads a window's definition.
    pub(super) fn window(&mut self) -> Read {
        self.bracketed(|reader| {
            let clause = matches!(reader.word(), "partition" | "order" | "rows" | "range" | "groups");
            if !clause && reader.is_name_at(0) {
                reader.skip(1);
            }
            if reader.eat(&["partition", "by"]) {
                reader.exprs()?;
            }
            if reader.eat(&["order", "by"]) {
                reader.sorts()?;
            }
            if !reader.eat_any(&["rows", "range", "groups"]) {
                return Ok(());
            }
            if reader.eat(&["between"]) {
                reader.frame_bound()?;
                reader.expect(&["and"])?;
            }
            reader.frame_bound()?;
            if reader.eat(&["exclude"]) {
                let known = reader.eat(&["current", "row"])
                    || reader.eat(&["no", "others"])
                    || reader.eat_any(&["group", "ties"]);
                return if known { Ok(()) } else { Err(super::facts::Obstacle::Syntax) };
            }
            Ok(())
        })
    }

    fn frame_bound(&mut self) -> Read {
        if self.eat(&["current", "row"]) {
            return Ok(());
        }
        let unbounded = matches!(self.word_at(1), "preceding" | "following");
        if !(unbounded && self.eat(&["unbounded"])) {
            self.expr_until(super::expr::Stop::And)?;
        }
        if self.eat_any(&["preceding", "following"]) { Ok(()) } else { Err(super::facts::Obstacle::Syntax) }
    }

    fn xml_passing(&mut self) -> Read {
        self.expect(&["passing"])?;
        if self.eat(&["by"]) {
            self.skip(1);
        }
        self.expr()?;
        if self.eat(&["by"]) {
            self.skip(1);
        }
        Ok(())
    }

    fn xml_table(&mut self) -> Read {
        self.bracketed(|reader| {
            if reader.eat(&["xmlnamespaces"]) {
                reader.bracketed(|reader| {
                    reader.listed(|reader| {
                        reader.eat(&["default"]);
                        reader.expr()?;
                        if reader.eat(&["as"]) {
                            reader.skip(1);
                        }
                        Ok(())
                    })
                })?;
                reader.expect_kind(Kind::Comma)?;
            }
            reader.expr()?;
            reader.xml_passing()?;
            reader.expect(&["columns"])?;
            reader.listed(|reader| {
                reader.name()?;
                if reader.eat(&["for", "ordinality"]) {
                    return Ok(());
                }
                reader.type_name()?;
                loop {
                    if reader.eat_any(&["path", "default"]) {
                        reader.expr_until(super::expr::Stop::And)?;
                    } else if !(reader.eat(&["not", "null"]) || reader.eat(&["null"])) {
                        return Ok(());
                    }
                }
            })
        })
    }

    /// MySQL's `JSON_TABLE(document, path COLUMNS (…))`.
    fn json_table(&mut self) -> Read {
        self.bracketed(|reader| {
            reader.exprs()?;
            reader.json_columns()
        })
    }

    fn json_columns(&mut self) -> Read {
        self.expect(&["columns"])?;
        self.bracketed(|reader| {
            reader.listed(|reader| {
                if reader.eat(&["nested"]) {
                    reader.eat(&["path"]);
                    reader.expect_kind(Kind::Text)?;
                    return reader.json_columns();
                }
                reader.name()?;
                if reader.eat(&["for", "ordinality"]) {
                    return Ok(());
                }
                reader.type_name()?;
                reader.eat(&["exists"]);
                reader.expect(&["path"])?;
                reader.expect_kind(Kind::Text)?;
                while reader.eat_any(&["null", "error", "default", "on", "empty"])
                    || reader.eat_kind(Kind::Text)
                {}
                Ok(())
            })
        })
    }
}

/// Finds the line of `table` that starts with `name` and returns what follows the name.
pub(super) fn find<'a>(table: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = table;
    while !rest.is_empty() {
        let middle = rest.len() / 2;
        let start = rest.get(..middle)?.rfind('\n').map_or(0, |index| index.saturating_add(1));
        let line = rest.get(start..)?.lines().next()?;
        let (key, effect) = line.split_once(' ').unwrap_or((line, ""));
        match name.cmp(key) {
            std::cmp::Ordering::Equal => return Some(effect),
            std::cmp::Ordering::Less => rest = rest.get(..start)?,
            std::cmp::Ordering::Greater => {
                rest = rest.get(start.saturating_add(line.len()).saturating_add(1)..)?
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Class, MYSQL, POSTGRESQL, SQLITE, class};
    use crate::Dialect;
    use crate::inspect::sql::SqlEffect;

    #[test]
    fn tables_are_sorted_and_hold_known_effects() {
        for table in [POSTGRESQL, MYSQL, SQLITE] {
            let names: Vec<_> = table.lines().map(|line| line.split(' ').next().unwrap()).collect();
            assert!(names.is_sorted_by(|one, other| one < other));
            for line in table.lines() {
                let effect = line.split_once(' ').map_or("", |(_, effect)| effect);
                assert!(
                    ["", "grammar", "session", "write", "privilege", "admin"].contains(&effect),
                    "{line}"
                );
            }
        }
    }

    #[test]
    fn names_that_need_their_bracket_are_found() {
        assert!(["adddate", "count", "now", "variance"].into_iter().all(super::needs_bracket));
        assert!(!super::needs_bracket("lower"));
    }

    #[test]
    fn every_name_in_a_table_is_found() {
        for (dialect, table) in
            [(Dialect::PostgreSql, POSTGRESQL), (Dialect::MySql, MYSQL), (Dialect::Sqlite, SQLITE)]
        {
            for line in table.lines() {
                let name = line.split(' ').next().unwrap();
                assert_ne!(class(dialect, name), Class::Unknown, "{name}");
            }
        }
    }

    #[test]
    fn name_outside_of_the_tables_is_unknown() {
        for name in
            ["", "a", "zzz", "pg_terminate", "pg_terminate_backend2", "abs ", "ABS", "lo_put write", "\n"]
        {
            assert_eq!(class(Dialect::PostgreSql, name), Class::Unknown, "{name}");
        }
    }

    #[test]
    fn function_with_an_effect_has_it() {
        assert_eq!(class(Dialect::PostgreSql, "nextval"), Class::Effect(SqlEffect::Write));
        assert_eq!(class(Dialect::PostgreSql, "set_config"), Class::Effect(SqlEffect::Privilege));
        assert_eq!(class(Dialect::MySql, "sleep"), Class::Effect(SqlEffect::Admin));
        assert_eq!(class(Dialect::MySql, "last_insert_id"), Class::Effect(SqlEffect::Session));
        assert_eq!(class(Dialect::Sqlite, "load_extension"), Class::Effect(SqlEffect::Admin));
        assert_eq!(class(Dialect::Sqlite, "abs"), Class::Pure);
    }
}
