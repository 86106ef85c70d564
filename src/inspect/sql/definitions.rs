//! Statements that change what exists, or who may do what.

use super::calls::{self, Class};
use super::facts::{Obstacle, SqlEffect};
use super::reader::{Read, Reader};
use super::tokens::Kind;
use crate::Dialect;

/// Objects, and the kinds of statement that create, alter and drop them. Sorted.
const OBJECTS: &[(&str, [&str; 3], SqlEffect)] = &[
    ("access", ["create_access_method", "alter_access_method", "drop_access_method"], SqlEffect::Admin),
    ("aggregate", ["create_aggregate", "alter_aggregate", "drop_aggregate"], SqlEffect::Ddl),
    ("cast", ["create_cast", "alter_cast", "drop_cast"], SqlEffect::Ddl),
    ("collation", ["create_collation", "alter_collation", "drop_collation"], SqlEffect::Ddl),
    ("conversion", ["create_conversion", "alter_conversion", "drop_conversion"], SqlEffect::Ddl),
    ("database", ["create_database", "alter_database", "drop_database"], SqlEffect::Ddl),
    ("default", ["create_default", "alter_default_privileges", "drop_default"], SqlEffect::Privilege),
    ("domain", ["create_domain", "alter_domain", "drop_domain"], SqlEffect::Ddl),
    ("event", ["create_event", "alter_event", "drop_event"], SqlEffect::Ddl),
    ("extension", ["create_extension", "alter_extension", "drop_extension"], SqlEffect::Admin),
    ("foreign", ["create_foreign", "alter_foreign", "drop_foreign"], SqlEffect::Ddl),
    ("function", ["create_function", "alter_function", "drop_function"], SqlEffect::Ddl),
    ("group", ["create_role", "alter_role", "drop_role"], SqlEffect::Privilege),
    ("index", ["create_index", "alter_index", "drop_index"], SqlEffect::Ddl),
    ("language", ["create_language", "alter_language", "drop_language"], SqlEffect::Ddl),
    ("large", ["create_large_object", "alter_large_object", "drop_large_object"], SqlEffect::Privilege),
    ("materialized", ["create_view", "alter_view", "drop_view"], SqlEffect::Ddl),
    ("operator", ["create_operator", "alter_operator", "drop_operator"], SqlEffect::Ddl),
    ("owned", ["create_owned", "alter_owned", "drop_owned"], SqlEffect::Privilege),
    ("policy", ["create_policy", "alter_policy", "drop_policy"], SqlEffect::Privilege),
    ("procedure", ["create_function", "alter_function", "drop_function"], SqlEffect::Ddl),
    ("publication", ["create_publication", "alter_publication", "drop_publication"], SqlEffect::Ddl),
    ("role", ["create_role", "alter_role", "drop_role"], SqlEffect::Privilege),
    ("routine", ["create_function", "alter_function", "drop_function"], SqlEffect::Ddl),
    ("rule", ["create_rule", "alter_rule", "drop_rule"], SqlEffect::Ddl),
    ("schema", ["create_schema", "alter_schema", "drop_schema"], SqlEffect::Ddl),
    ("sequence", ["create_sequence", "alter_sequence", "drop_sequence"], SqlEffect::Ddl),
    ("server", ["create_server", "alter_server", "drop_server"], SqlEffect::Ddl),
    ("statistics", ["create_statistics", "alter_statistics", "drop_statistics"], SqlEffect::Ddl),
    ("subscription", ["create_subscription", "alter_subscription", "drop_subscription"], SqlEffect::Admin),
    ("system", ["create_system", "alter_system", "drop_system"], SqlEffect::Admin),
    ("table", ["create_table", "alter_table", "drop_table"], SqlEffect::Ddl),
    ("tablespace", ["create_tablespace", "alter_tablespace", "drop_tablespace"], SqlEffect::Admin),
    ("text", ["create_text_search", "alter_text_search", "drop_text_search"], SqlEffect::Ddl),
    ("transform", ["create_transform", "alter_transform", "drop_transform"], SqlEffect::Ddl),
    ("trigger", ["create_trigger", "alter_trigger", "drop_trigger"], SqlEffect::Ddl),
    ("type", ["create_type", "alter_type", "drop_type"], SqlEffect::Ddl),
    ("user", ["create_role", "alter_role", "drop_role"], SqlEffect::Privilege),
    ("view", ["create_view", "alter_view", "drop_view"], SqlEffect::Ddl),
];

/// Words that may stand before a bracket in a definition without being called. Sorted.
const STRUCTURAL: &str = include_str!("functions/structural.txt");

impl Reader<'_> {
    pub(super) fn definition(&mut self) -> Read {
        let verb = match self.word() {
            "create" => 0,
            "alter" => 1,
            "comment" => return self.comment(),
            "import" => {
                self.done("import_foreign_schema", SqlEffect::Ddl)?;
                return self.rest();
            }
            _ => 2,
        };
        self.skip(1);
        let words = [
            "or",
            "replace",
            "global",
            "local",
            "temp",
            "temporary",
            "unlogged",
            "recursive",
            "unique",
            "fulltext",
            "spatial",
            "virtual",
            "constraint",
            "trusted",
            "procedural",
            "column",
        ];
        while self.eat_any(&words) {}
        let object = self.word();
        let entry = OBJECTS
            .binary_search_by(|(name, ..)| (*name).cmp(object))
            .ok()
            .and_then(|index| OBJECTS.get(index));
        let Some((name, kinds, effect)) = entry else {
            return Err(Obstacle::Construct("this kind of statement"));
        };
        let kind = kinds.get(verb).copied().unwrap_or("alter");
        self.done(kind, *effect)?;
        self.skip(1);
        self.eat_any(&["view", "trigger"]);
        let is_table =
            matches!(*name, "table" | "view" | "materialized") || *name == "foreign" && self.eat(&["table"]);
        self.eat(&["concurrently"]);
        self.eat(&["if"]);
        self.eat(&["not"]);
        self.eat(&["exists"]);
        if is_table {
            self.eat(&["all", "in"]);
            self.listed(|reader| {
                reader.eat(&["only"]);
                let path = reader.table_path()?;
                reader.table(path);
                reader.eat_operator("*");
                Ok(())
            })?;
        }
        match *name {
            "table" | "index" | "domain" | "foreign" | "sequence" | "schema" | "view" | "materialized" => {
                self.clauses(true)
            }
            "function" | "procedure" | "event" | "routine" if self.dialect != Dialect::PostgreSql => {
                self.body()
            }
            "trigger" => self.body(),
            "rule" if verb == 0 => self.rule(),
            _ => self.clauses(false),
        }
    }

    fn comment(&mut self) -> Read {
        self.done("comment", SqlEffect::Ddl)?;
        self.skip(1);
        self.expect(&["on"])?;
        if self.eat_any(&["table", "view", "column"]) {
            let path = self.path()?;
            self.table(path);
        }
        self.rest()
    }

    /// Reads a definition's clauses: the tables that it names, its query, and its calls if they may run.
    fn clauses(&mut self, calls_run: bool) -> Read {
        loop {
            match self.kind() {
                Kind::End | Kind::Semicolon => return Ok(()),
                Kind::Word => {}
                Kind::Name if self.kind_at(1) == Kind::Open && calls_run && !self.behind_table_word() => {
                    return Err(Obstacle::Name(self.tokens.text(self.at).to_owned()));
                }
                _ => {
                    self.skip(1);
                    continue;
                }
            }
            match self.word() {
                "as" if self.query_follows(1) => {
                    self.skip(1);
                    self.query()?;
                }
                "begin" | "soname" => return Err(Obstacle::Construct("a body of statements")),
                "owner" if self.word_at(1) == "to" => self.grants(2),
                "authorization" => self.grants(1),
                "row" if self.word_at(1) == "level" => self.grants(2),
                "definer" => self.grants(1),
                "partition" if self.word_at(1) == "of" => {
                    self.skip(2);
                    let path = self.path()?;
                    self.table(path);
                }
                "attach" | "detach" if self.word_at(1) == "partition" => {
                    self.skip(2);
                    self.eat(&["concurrently"]);
                    let path = self.path()?;
                    self.table(path);
                }
                "inherits" if self.kind_at(1) == Kind::Open => {
                    self.skip(1);
                    self.bracketed(|reader| {
                        reader.listed(|reader| {
                            let path = reader.path()?;
                            reader.table(path);
                            Ok(())
                        })
                    })?;
                }
                "references" | "like" | "on" | "inherit"
                    if self.kind_at(1) == Kind::Name
                        || self.is_name_at(1) && !is_clause_word(self.word_at(1)) =>
                {
                    self.skip(1);
                    self.eat(&["only"]);
                    if self.is_name_at(0) {
                        let path = self.path()?;
                        self.table(path);
                    }
                }
                word if self.kind_at(1) == Kind::Open && calls_run => {
                    let class = calls::class(self.dialect, word);
                    let structural = calls::find(STRUCTURAL, word).is_some() || self.behind_table_word();
                    match class {
                        Class::Effect(effect) => self.raise(effect),
                        Class::Unknown if !structural => return Err(Obstacle::Name(word.to_owned())),
                        _ => {}
                    }
                    self.skip(1);
                }
                _ => self.skip(1),
            }
        }
    }

    fn grants(&mut self, words: usize) {
        self.raise(SqlEffect::Privilege);
        self.skip(words);
    }

    /// Says whether the name at the cursor stands where a name of an object or column must.
    fn behind_table_word(&self) -> bool {
        let before = self.tokens.word(self.at.saturating_sub(1));
        matches!(
            before,
            "index"
                | "key"
                | "constraint"
                | "using"
                | "table"
                | "exists"
                | "references"
                | "on"
                | "add"
                | "column"
        )
    }

    fn query_follows(&self, ahead: usize) -> bool {
        let mut ahead = ahead;
        while self.kind_at(ahead) == Kind::Open {
            ahead = ahead.saturating_add(1);
        }
        matches!(self.word_at(ahead), "select" | "with" | "values" | "table")
    }

    /// Reads a trigger or routine. SQLite's trigger holds statements that run later.
    fn body(&mut self) -> Read {
        let mut table_next = false;
        while !matches!(self.kind(), Kind::End | Kind::Semicolon) {
            if self.word() == "soname" {
                self.raise(SqlEffect::Admin);
            }
            if self.word() == "definer" {
                self.raise(SqlEffect::Privilege);
            }
            if self.eat(&["begin"]) {
                return if self.dialect == Dialect::Sqlite {
                    self.trigger_body()
                } else {
                    Err(Obstacle::Construct("a body of statements"))
                };
            }
            if table_next && self.is_name_at(0) {
                let path = self.path()?;
                self.table(path);
            } else {
                table_next = self.word() == "on";
                self.skip(1);
            }
        }
        Ok(())
    }

    /// Reads a rule: its action runs later, in place of statements that name its table.
    fn rule(&mut self) -> Read {
        while !matches!(self.kind(), Kind::End | Kind::Semicolon) && !self.eat(&["do"]) {
            if self.eat(&["to"]) {
                let path = self.path()?;
                self.table(path);
            } else {
                self.skip(1);
            }
        }
        self.eat_any(&["also", "instead"]);
        let plans = std::mem::replace(&mut self.plans, true);
        if self.is_change() {
            self.change()?;
        } else if self.starts_query() {
            self.query()?;
        } else if !self.eat(&["nothing"]) && self.word() != "notify" {
            return Err(Obstacle::Construct("a body of statements"));
        }
        self.plans = plans;
        self.rest()
    }

    fn trigger_body(&mut self) -> Read {
        let plans = std::mem::replace(&mut self.plans, true);
        while !self.eat(&["end"]) {
            if self.is_change() {
                self.change()?;
            } else {
                self.query()?;
            }
            self.expect_kind(Kind::Semicolon)?;
        }
        self.plans = plans;
        Ok(())
    }
}

fn is_clause_word(word: &str) -> bool {
    matches!(
        word,
        "commit"
            | "conflict"
            | "delete"
            | "update"
            | "all"
            | "column"
            | "delete_rows"
            | "by"
            | "function"
            | "schema"
            | "sequence"
    )
}

#[cfg(test)]
mod tests {
    use super::OBJECTS;

    #[test]
    fn objects_are_sorted() {
        assert!(OBJECTS.is_sorted_by(|one, other| one.0 < other.0));
    }
}
