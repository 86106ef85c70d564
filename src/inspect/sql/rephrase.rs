//! Phrases that servers know and the parser does not.
//!
//! When a statement does not parse, it is tried once more with such phrases put into words that the parser
//! knows. Only fixed phrases of the grammar are replaced or left out, never a bracket, so no call, table or
//! query can hide in them; the check of words before brackets still sees the text as it was.

use sqlparser::tokenizer::Token;

use crate::Dialect;

/// Returns the tokens in other words, or nothing if no phrase applied.
pub(super) fn rephrase(dialect: Dialect, tokens: &[Token]) -> Option<Vec<Token>> {
    let words = tokens.iter().map(lower).collect();
    let mut phrases =
        Phrases { dialect, tokens, words, at: 0, output: Vec::new(), depth: 0, marked: Vec::new() };
    while let Some(token) = tokens.get(phrases.at) {
        let before = phrases.at;
        let applied = phrases.phrase(token);
        if !applied {
            phrases.copy(token);
        }
        debug_assert!(phrases.at > before, "a phrase is at least one token");
    }
    (phrases.output != tokens).then_some(phrases.output)
}

/// Brackets whose inside has a grammar of its own.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    Substring,
    XmlExists,
    XmlNames,
}

struct Phrases<'a> {
    dialect: Dialect,
    tokens: &'a [Token],
    /// The unquoted words in lower case, empty for other tokens.
    words: Vec<String>,
    at: usize,
    output: Vec<Token>,
    depth: usize,
    /// Open brackets with a grammar of their own, and their depth.
    marked: Vec<(usize, Inside)>,
}

impl Phrases<'_> {
    /// Replaces the phrase that starts here, if one does.
    fn phrase(&mut self, token: &Token) -> bool {
        match (token, self.dialect) {
            (Token::Word(_), Dialect::PostgreSql) => self.common_word() || self.postgresql_word(),
            (Token::Word(_), Dialect::Sqlite) => self.common_word() || self.sqlite_word(),
            (Token::Word(_), Dialect::MySql) => self.common_word() || self.mysql_word(),
            (Token::DoubleColon, _) if matches!(self.word(2), "preceding" | "following") => {
                self.replace(2, &[])
            }
            (Token::Period, _)
                if self.token(1) == Some(&Token::Mul) && self.before() == Some(&Token::RParen) =>
            {
                self.replace(2, &[])
            }
            (Token::Mul, Dialect::PostgreSql) => {
                let table =
                    self.at.checked_sub(2).and_then(|index| self.words.get(index)).map_or("", String::as_str);
                matches!(table, "from" | "join" | "update" | "only") && self.replace(1, &[])
            }
            (operator, Dialect::PostgreSql) if is_operator(operator) => {
                let array =
                    matches!(self.word(1), "any" | "all" | "some") && self.token(2) == Some(&Token::LParen);
                array && self.replace(1, &[Token::Eq])
            }
            _ => false,
        }
    }

    fn common_word(&mut self) -> bool {
        match (self.word(0), self.word(1), self.word(2)) {
            ("exclude", "no", "others") | ("exclude", "current", "row") => self.replace(3, &[]),
            ("exclude", "group" | "ties", _) => self.replace(2, &[]),
            ("collate", ..) if matches!(self.token(1), Some(Token::Word(_))) => {
                let qualified = self.token(2) == Some(&Token::Period);
                self.replace(if qualified { 4 } else { 2 }, &[])
            }
            _ => false,
        }
    }

    fn postgresql_word(&mut self) -> bool {
        let opened = self.token(1) == Some(&Token::LParen);
        match (self.word(0), self.word(1), self.word(2)) {
            ("variadic", ..) if matches!(self.before(), Some(Token::LParen | Token::Comma)) => {
                self.replace(1, &[])
            }
            ("table", ..) if self.starts_query() => {
                let all = [Token::make_word("SELECT", None), Token::Mul, Token::make_word("FROM", None)];
                self.replace(1, &all)
            }
            ("group", "by", "all" | "distinct") => {
                let kept = [Token::make_word("GROUP", None), Token::make_word("BY", None)];
                self.replace(3, &kept)
            }
            ("grouping", "sets", _) => self.replace(2, &[Token::make_word("coalesce", None)]),
            ("between", "symmetric", _) => self.replace(2, &[Token::make_word("BETWEEN", None)]),
            ("collation", "for", _) => self.replace(2, &[Token::make_word("pg_collation_for", None)]),
            ("is", "document", _) => self.replace(2, &words(&["IS", "NULL"])),
            ("is", "not", "document") => self.replace(3, &words(&["IS", "NOT", "NULL"])),
            ("current", "of", cursor) if !cursor.is_empty() => {
                self.replace(3, &words(&["current_row", "IS", "NULL"]))
            }
            ("lateral", "xmltable", _) => self.replace(1, &[]),
            ("using", ..) if self.token(1).is_some_and(is_operator) => self.replace(2, &words(&["ASC"])),
            ("as", ..) if opened && self.before() == Some(&Token::RParen) && self.is_column(2) => {
                self.replace(1, &words(&["AS", "columns"]))
            }
            ("search", "depth" | "breadth", "first") => self.drop_through("set"),
            ("cycle", ..) if self.before() == Some(&Token::RParen) => self.drop_through("using"),
            ("substring", ..) if opened => self.mark(Inside::Substring),
            ("xmlexists", ..) if opened => self.mark(Inside::XmlExists),
            ("xmlforest" | "xmlattributes", ..) if opened => self.mark(Inside::XmlNames),
            ("name", ..)
                if self.before() == Some(&Token::LParen) && self.follows(&["xmlelement", "xmlpi"]) =>
            {
                self.replace(1, &[])
            }
            (word, next, _) => match (self.inside(), word) {
                (Some(Inside::Substring), "similar") if next != "to" => self.replace(1, &[Token::Comma]),
                (Some(Inside::Substring), "escape") => self.replace(1, &[Token::Comma]),
                (Some(Inside::XmlExists), "passing") if next != "by" => self.replace(1, &[Token::Comma]),
                (Some(Inside::XmlExists), "passing") => self.replace(3, &[Token::Comma]),
                (Some(Inside::XmlNames), "as") => self.replace(2, &[]),
                _ => false,
            },
        }
    }

    /// SQLite compares any two values by `IS`.
    fn sqlite_word(&mut self) -> bool {
        let is_known = |word: &str| matches!(word, "null" | "true" | "false" | "distinct");
        match (self.word(0), self.word(1), self.word(2)) {
            ("is", "not", next) if !is_known(next) => self.replace(2, &[Token::Neq]),
            ("is", next, _) if next != "not" && !is_known(next) => self.replace(1, &[Token::Eq]),
            _ => false,
        }
    }

    fn mysql_word(&mut self) -> bool {
        let first = self.at == 0;
        let runs =
            |word: &str| matches!(word, "select" | "update" | "delete" | "insert" | "replace" | "with");
        match (self.word(0), self.word(1), self.word(2)) {
            ("analyze", next, _) if first && runs(next) => self.replace(1, &[]),
            ("analyze", "format", _) if first && self.token(2) == Some(&Token::Eq) && runs(self.word(4)) => {
                self.replace(4, &[])
            }
            ("help", ..) if first && self.tokens.len() == 2 => self.replace(1, &words(&["SELECT"])),
            ("lock", "in", "share") if self.word(3) == "mode" => self.replace(4, &words(&["FOR", "SHARE"])),
            _ => false,
        }
    }

    /// Leaves out all up to the word behind `last`; the phrases that end so hold names and commas only.
    fn drop_through(&mut self, last: &str) -> bool {
        let Some(length) = (1..32).find(|&ahead| self.word(ahead) == last) else { return false };
        let plain = |ahead| matches!(self.token(ahead), Some(Token::Word(_) | Token::Comma));
        (1..=length.saturating_add(1)).all(plain) && self.replace(length.saturating_add(2), &[])
    }

    fn replace(&mut self, count: usize, by: &[Token]) -> bool {
        self.output.extend_from_slice(by);
        self.at = self.at.saturating_add(count);
        true
    }

    fn copy(&mut self, token: &Token) {
        match token {
            Token::LParen => self.depth = self.depth.saturating_add(1),
            Token::RParen => {
                self.marked.retain(|(depth, _)| *depth < self.depth);
                self.depth = self.depth.saturating_sub(1);
            }
            _ => {}
        }
        self.output.push(token.clone());
        self.at = self.at.saturating_add(1);
    }

    /// Notes that the bracket after this word has a grammar of its own.
    fn mark(&mut self, inside: Inside) -> bool {
        self.marked.push((self.depth.saturating_add(1), inside));
        false
    }

    fn inside(&self) -> Option<Inside> {
        self.marked.last().filter(|(depth, _)| *depth == self.depth).map(|(_, inside)| *inside)
    }

    fn token(&self, ahead: usize) -> Option<&Token> {
        self.tokens.get(self.at.saturating_add(ahead))
    }

    fn word(&self, ahead: usize) -> &str {
        self.words.get(self.at.saturating_add(ahead)).map_or("", String::as_str)
    }

    fn before(&self) -> Option<&Token> {
        self.at.checked_sub(1).and_then(|index| self.tokens.get(index))
    }

    /// Says whether the word before the bracket before this one is among `names`.
    fn follows(&self, names: &[&str]) -> bool {
        let word = self.at.checked_sub(2).and_then(|index| self.words.get(index));
        word.is_some_and(|word| names.contains(&word.as_str()))
    }

    fn starts_query(&self) -> bool {
        let word = self.at.checked_sub(1).and_then(|index| self.words.get(index)).map_or("", String::as_str);
        matches!(self.before(), None | Some(Token::SemiColon | Token::LParen))
            || matches!(word, "union" | "except" | "intersect")
    }

    /// Says whether a column with its type stands `ahead`.
    fn is_column(&self, ahead: usize) -> bool {
        let query = ["select", "values", "with", "table", "insert", "update", "delete", "merge"];
        matches!(self.token(ahead), Some(Token::Word(_)))
            && matches!(self.token(ahead.saturating_add(1)), Some(Token::Word(_)))
            && !query.contains(&self.word(ahead))
    }
}

fn lower(token: &Token) -> String {
    match token {
        Token::Word(word) if word.quote_style.is_none() => word.value.to_ascii_lowercase(),
        _ => String::new(),
    }
}

fn words(texts: &[&str]) -> Vec<Token> {
    texts.iter().map(|text| Token::make_word(text, None)).collect()
}

fn is_operator(token: &Token) -> bool {
    !matches!(
        token,
        Token::EOF
            | Token::Word(_)
            | Token::Number(..)
            | Token::Placeholder(_)
            | Token::SingleQuotedString(_)
            | Token::DoubleQuotedString(_)
            | Token::DollarQuotedString(_)
            | Token::EscapedStringLiteral(_)
            | Token::NationalStringLiteral(_)
            | Token::HexStringLiteral(_)
            | Token::SingleQuotedByteStringLiteral(_)
            | Token::Comma
            | Token::Period
            | Token::Colon
            | Token::DoubleColon
            | Token::Assignment
            | Token::RArrow
            | Token::SemiColon
            | Token::LParen
            | Token::RParen
            | Token::LBracket
            | Token::RBracket
    )
}
