//! EXPLAIN: what only plans, and what runs the statement that it explains.

use super::facts::Obstacle;
use super::reader::{Read, Reader};
use super::tokens::Kind;
use crate::Dialect;

impl Reader<'_> {
    pub(super) fn explain(&mut self) -> Read {
        self.note("explain");
        self.skip(1);
        let mut runs = false;
        if self.dialect == Dialect::PostgreSql && self.kind() == Kind::Open && !self.bracket_is_query() {
            runs = self.bracketed(Reader::explain_options)?;
        } else {
            if self.dialect == Dialect::MySql {
                self.eat_any(&["extended", "partitions"]);
            }
            if self.word() == "format" && self.tokens.operator(self.at.saturating_add(1)) == "=" {
                self.skip(3);
            }
            if self.eat_any(&["analyze", "analyse"]) {
                runs = true;
            }
            self.eat(&["verbose"]);
            if self.word() == "format" && self.tokens.operator(self.at.saturating_add(1)) == "=" {
                self.skip(3);
            }
        }
        self.plans = !runs;
        if self.is_change() {
            return self.change();
        }
        if self.starts_query() || self.kind() == Kind::Open {
            self.query()?;
            self.bounded_read = None;
            return Ok(());
        }
        if self.dialect == Dialect::MySql && !runs {
            let path = self.path()?;
            self.table(path);
            if matches!(self.kind(), Kind::Text | Kind::Word | Kind::Name) {
                self.skip(1);
            }
            return Ok(());
        }
        Err(Obstacle::Construct("EXPLAIN of this kind of statement"))
    }

    fn bracket_is_query(&self) -> bool {
        let mut ahead = 0;
        while self.kind_at(ahead) == Kind::Open {
            ahead = ahead.saturating_add(1);
        }
        matches!(self.word_at(ahead), "select" | "with" | "values")
    }

    /// Reads EXPLAIN's options and says whether the statement runs. One ANALYZE that is not off suffices.
    fn explain_options(&mut self) -> Read<bool> {
        let mut runs = false;
        self.listed(|reader| {
            let option = reader.word();
            let known = [
                "analyze",
                "analyse",
                "buffers",
                "costs",
                "format",
                "generic_plan",
                "settings",
                "summary",
                "timing",
                "verbose",
                "wal",
            ];
            if !known.contains(&option) {
                return Err(Obstacle::Construct("an option of EXPLAIN"));
            }
            reader.skip(1);
            let mut off = false;
            let words = ["false", "json", "off", "on", "text", "true", "xml", "yaml"];
            let value = matches!(reader.kind(), Kind::Text | Kind::Number) || words.contains(&reader.word());
            if value {
                off = matches!(reader.tokens.lower(reader.at), "false" | "off" | "0");
                reader.skip(1);
            }
            runs |= option.starts_with("analy") && !off;
            Ok(())
        })?;
        Ok(runs)
    }

    /// MariaDB's `ANALYZE [FORMAT=JSON] statement`, which runs it; otherwise tables.
    pub(super) fn analyze(&mut self) -> Read {
        let format = self.word_at(1) == "format";
        let inner = if format { 4 } else { 1 };
        let here = self.at;
        self.skip(inner);
        if self.is_change() {
            self.note("explain");
            return self.change();
        }
        if matches!(self.word(), "select" | "with") {
            self.note("explain");
            return self.query();
        }
        self.at = here;
        self.maintenance()
    }
}
