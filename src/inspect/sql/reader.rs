//! The reader: one pass over the tokens that accepts only what it can explain, and notes facts on its way.
//!
//! It builds no tree, so there is nothing to drop, and it recurses only on brackets, within a bound. What the
//! grammar does not list ends the reading, and the payload is not understood.

use std::collections::BTreeSet;

use super::calls::{self, Class};
use super::facts::{Known, Obstacle, SqlEffect};
use super::lex;
use super::names::{self, Path};
use super::secrets;
use super::tokens::{Kind, Tokens};
use super::words::is_reserved;
use crate::{Dialect, limits};

pub(super) type Read<T = ()> = Result<T, Obstacle>;

/// Reads `text` in one dialect; in the generic one as all three.
pub(super) fn read(dialect: Dialect, text: &str) -> Read<Known> {
    let (found, limit) = (text.len(), limits::PAYLOAD_BYTES);
    if found > limit {
        return Err(Obstacle::TooLarge { what: "size in bytes", found, limit });
    }
    if dialect != Dialect::Generic {
        return read_one(dialect, text);
    }
    let first = read_one(Dialect::PostgreSql, text)?;
    let second = join(first, read_one(Dialect::MySql, text)?)?;
    join(second, read_one(Dialect::Sqlite, text)?)
}

fn read_one(dialect: Dialect, text: &str) -> Read<Known> {
    let tokens = lex::lex(dialect, text)?;
    Reader::new(dialect, &tokens).statements()
}

/// Joins two readings of one text: the most that either does.
fn join(first: Known, second: Known) -> Read<Known> {
    if first.statements != second.statements {
        return Err(Obstacle::Text("a text that dialects cut into different statements"));
    }
    let same_bound = first.bounded_read == second.bounded_read;
    Ok(Known {
        effect: first.effect.max(second.effect),
        statements: first.statements,
        kinds: union(first.kinds, second.kinds),
        tables: union(first.tables, second.tables),
        functions: union(first.functions, second.functions),
        unbounded_write: first.unbounded_write || second.unbounded_write,
        bounded_read: first.bounded_read.filter(|_| same_bound),
        locks: first.locks || second.locks,
        secrets: first.secrets || second.secrets,
        into: first.into || second.into,
    })
}

fn union<T: Ord>(first: Vec<T>, second: Vec<T>) -> Vec<T> {
    first.into_iter().chain(second).collect::<BTreeSet<_>>().into_iter().collect()
}

/// A position in the tokens, and what has been seen so far.
pub(super) struct Reader<'a> {
    pub(super) dialect: Dialect,
    pub(super) tokens: &'a Tokens<'a>,
    pub(super) at: usize,
    depth: usize,
    /// Names of common tables that can be seen from here, by query.
    pub(super) scopes: Vec<Vec<String>>,
    /// Inside an EXPLAIN that only plans: nothing there runs.
    pub(super) plans: bool,
    pub(super) effect: SqlEffect,
    pub(super) bounded_read: Option<u64>,
    pub(super) into: bool,
    kinds: BTreeSet<&'static str>,
    tables: BTreeSet<String>,
    functions: BTreeSet<String>,
    unbounded_write: bool,
    locks: bool,
    /// Whether tables of credentials are named, or a password.
    pub(super) secrets: bool,
    /// Whether what follows may be read otherwise than here.
    pub(super) rereads: bool,
}

impl<'a> Reader<'a> {
    fn new(dialect: Dialect, tokens: &'a Tokens<'a>) -> Self {
        Self {
            dialect,
            tokens,
            at: 0,
            depth: 0,
            scopes: Vec::new(),
            plans: false,
            effect: SqlEffect::Read,
            bounded_read: None,
            into: false,
            kinds: BTreeSet::new(),
            tables: BTreeSet::new(),
            functions: BTreeSet::new(),
            unbounded_write: false,
            locks: false,
            secrets: false,
            rereads: false,
        }
    }

    fn statements(mut self) -> Read<Known> {
        let mut count = 0_usize;
        loop {
            while self.eat_kind(Kind::Semicolon) {}
            if self.kind() == Kind::End {
                break;
            }
            if self.rereads {
                return Err(Obstacle::Text("a statement behind one that may change how it is read"));
            }
            count = count.saturating_add(1);
            self.bounded_read = None;
            self.plans = false;
            let start = self.at;
            self.statement()?;
            self.secrets |= secrets::are_told(self.tokens, start, self.at);
            if !matches!(self.kind(), Kind::Semicolon | Kind::End) {
                return Err(Obstacle::Syntax);
            }
        }
        Ok(Known {
            effect: self.effect,
            statements: count,
            kinds: self.kinds.into_iter().collect(),
            tables: self.tables.into_iter().collect(),
            functions: self.functions.into_iter().collect(),
            unbounded_write: self.unbounded_write,
            bounded_read: self.bounded_read.filter(|_| count == 1),
            locks: self.locks,
            secrets: self.secrets,
            into: self.into,
        })
    }

    /// Reads what is one level deeper.
    pub(super) fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Read<T>) -> Read<T> {
        self.depth = self.depth.saturating_add(1);
        let (found, limit) = (self.depth, limits::SQL_NESTING);
        if found > limit {
            return Err(Obstacle::TooLarge { what: "nesting", found, limit });
        }
        let answer = read(self);
        self.depth = self.depth.saturating_sub(1);
        answer
    }

    pub(super) fn note(&mut self, kind: &'static str) {
        self.kinds.insert(kind);
    }

    /// Raises the effect to that of something that runs.
    pub(super) fn raise(&mut self, effect: SqlEffect) {
        if !self.plans {
            self.effect = self.effect.max(effect);
        }
    }

    pub(super) fn unbounded(&mut self, unbounded: bool) {
        self.unbounded_write |= unbounded;
    }

    pub(super) fn lock(&mut self) {
        self.locks = true;
        self.raise(SqlEffect::Write);
    }

    /// Notes a table, whatever common table has its name.
    pub(super) fn table(&mut self, path: Path) {
        self.secrets |= secrets::are_in(self.dialect, self.tokens, path);
        names::add_table(self.dialect, self.tokens, path, &mut self.tables);
    }

    /// Notes a table that is read, unless it is a common one.
    pub(super) fn source(&mut self, path: Path) {
        let name = names::fold(self.dialect, self.tokens, path.start);
        let common = path.is_single() && self.scopes.iter().flatten().any(|common| *common == name);
        if common {
            return;
        }
        self.table(path);
        if calls::is_server_file(self.dialect, &names::fold(self.dialect, self.tokens, path.last())) {
            self.raise(SqlEffect::Admin);
        }
    }

    /// Judges a call by the function's name.
    pub(super) fn call(&mut self, path: Path) -> Read {
        let quoted = path.parts().any(|part| self.tokens.kind(part) == Kind::Name);
        let schema = (!path.is_single()).then(|| names::fold(self.dialect, self.tokens, path.start));
        let builtin = match (&schema, self.dialect) {
            (None, _) => true,
            (Some(schema), Dialect::PostgreSql) => schema == "pg_catalog" && path.parts().count() == 2,
            _ => false,
        };
        let name = names::fold_function(self.dialect, self.tokens, path.last());
        // In quotes, what is a word of the grammar to one version is a stored function to another.
        let class = calls::class(self.dialect, &name);
        if quoted && self.dialect == Dialect::MySql && class != Class::Effect(SqlEffect::Admin) {
            return Err(Obstacle::Name(name));
        }
        match class {
            // Apart from its bracket, such a name is a stored function unless the mode IGNORE_SPACE is on.
            _ if self.dialect == Dialect::MySql
                && calls::needs_bracket(&name)
                && self.tokens.is_apart(path.last()) =>
            {
                return Err(Obstacle::Name(name));
            }
            _ if !builtin => return Err(Obstacle::Name(names::display(self.dialect, self.tokens, path))),
            Class::Pure => {}
            Class::Grammar if !quoted && schema.is_none() => {}
            // What a function does when it is planned is not known, so this counts in an EXPLAIN too.
            Class::Effect(effect) => {
                self.effect = self.effect.max(effect);
                self.rereads |= name == "set_config";
            }
            Class::Grammar | Class::Unknown => return Err(Obstacle::Name(name)),
        }
        self.functions.insert(name);
        Ok(())
    }

    /// Judges a name behind a dot. Where there is no such column, PostgreSQL reads `(x).f`, and `n.f` with `n` a
    /// value, as the call `f(x)` (manual, 8.16.5); MariaDB reads `s.nextval` so in its Oracle mode. What is
    /// picked out of a value must be known to compute only; what a column may be is not refused, and a user's
    /// function over a table's rows cannot be told from one.
    pub(super) fn picked(&mut self, part: usize, out_of_a_value: bool) -> Read {
        let name = names::fold_function(self.dialect, self.tokens, part);
        if self.dialect == Dialect::MySql && matches!(name.as_str(), "nextval" | "currval") {
            return Err(Obstacle::Name(name));
        }
        if self.dialect != Dialect::PostgreSql {
            return Ok(());
        }
        match calls::class(self.dialect, &name) {
            Class::Effect(effect) => {
                self.effect = self.effect.max(effect);
                self.functions.insert(name);
                Ok(())
            }
            Class::Grammar | Class::Unknown if out_of_a_value => Err(Obstacle::Name(name)),
            Class::Pure | Class::Grammar | Class::Unknown => Ok(()),
        }
    }

    pub(super) fn kind(&self) -> Kind {
        self.tokens.kind(self.at)
    }

    pub(super) fn kind_at(&self, ahead: usize) -> Kind {
        self.tokens.kind(self.at.saturating_add(ahead))
    }

    pub(super) fn word(&self) -> &'a str {
        self.tokens.word(self.at)
    }

    pub(super) fn word_at(&self, ahead: usize) -> &'a str {
        self.tokens.word(self.at.saturating_add(ahead))
    }

    pub(super) fn operator(&self) -> &'a str {
        self.tokens.operator(self.at)
    }

    pub(super) fn skip(&mut self, count: usize) {
        self.at = self.at.saturating_add(count);
    }

    pub(super) fn is(&self, words: &[&str]) -> bool {
        words.iter().enumerate().all(|(ahead, word)| self.word_at(ahead) == *word)
    }

    /// Moves over `words` if they all stand here.
    pub(super) fn eat(&mut self, words: &[&str]) -> bool {
        let found = self.is(words);
        if found {
            self.skip(words.len());
        }
        found
    }

    /// Moves over one word if it is among `words`.
    pub(super) fn eat_any(&mut self, words: &[&str]) -> bool {
        let found = self.kind() == Kind::Word && words.contains(&self.word());
        if found {
            self.skip(1);
        }
        found
    }

    pub(super) fn expect(&mut self, words: &[&str]) -> Read {
        if self.eat(words) { Ok(()) } else { Err(Obstacle::Syntax) }
    }

    pub(super) fn eat_kind(&mut self, kind: Kind) -> bool {
        let found = self.kind() == kind;
        if found {
            self.skip(1);
        }
        found
    }

    pub(super) fn expect_kind(&mut self, kind: Kind) -> Read {
        if self.eat_kind(kind) { Ok(()) } else { Err(Obstacle::Syntax) }
    }

    pub(super) fn eat_operator(&mut self, operator: &str) -> bool {
        let found = self.operator() == operator;
        if found {
            self.skip(1);
        }
        found
    }

    /// Reads `( … )`.
    pub(super) fn bracketed<T>(&mut self, read: impl FnOnce(&mut Self) -> Read<T>) -> Read<T> {
        self.expect_kind(Kind::Open)?;
        let answer = self.deeper(read)?;
        self.expect_kind(Kind::Close)?;
        Ok(answer)
    }

    /// Reads one or more, with commas between.
    pub(super) fn listed(&mut self, mut read: impl FnMut(&mut Self) -> Read) -> Read {
        read(self)?;
        while self.eat_kind(Kind::Comma) {
            read(self)?;
        }
        Ok(())
    }

    /// Says whether a name that is no keyword stands `ahead`.
    pub(super) fn is_name_at(&self, ahead: usize) -> bool {
        match self.kind_at(ahead) {
            Kind::Name => true,
            Kind::Word => !is_reserved(self.word_at(ahead)),
            _ => false,
        }
    }

    pub(super) fn name(&mut self) -> Read<usize> {
        if !self.is_name_at(0) {
            return Err(Obstacle::Syntax);
        }
        let at = self.at;
        self.skip(1);
        Ok(at)
    }

    /// Reads a name with its qualifiers. Behind a full stop any word is a name.
    pub(super) fn path(&mut self) -> Read<Path> {
        let start = self.name()?;
        let mut end = start;
        while self.kind() == Kind::Dot && matches!(self.kind_at(1), Kind::Word | Kind::Name) {
            self.skip(2);
            end = self.at.saturating_sub(1);
        }
        Ok(Path { start, end })
    }

    /// Reads a table's name. SQLite takes a string for one.
    pub(super) fn table_path(&mut self) -> Read<Path> {
        if self.dialect == Dialect::Sqlite && self.kind() == Kind::Text {
            self.skip(1);
            let start = self.at.saturating_sub(1);
            return Ok(Path { start, end: start });
        }
        self.path()
    }

    /// Reads `(a, b, …)`.
    pub(super) fn names(&mut self) -> Read {
        self.bracketed(|reader| reader.listed(|reader| reader.name().map(drop)))
    }
}
