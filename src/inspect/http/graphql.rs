//! Which operation of a GraphQL document runs.
//!
//! Reads the lexical grammar whole and, of the rest, what finds the definitions and where they end (GraphQL
//! specification of September 2025, sections 2.1 and 2.2). Brackets are counted, not recursed into. Only
//! operations and fragments are read; a document with two names alike or anything else is refused.

use super::super::Obstacle;
use crate::limits;

/// What an operation does, from least to most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// Reads.
    Query,
    /// Reads events as they come.
    Subscription,
    /// Writes, then reads.
    Mutation,
}

impl Operation {
    /// Returns the operation's name as conditions write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Subscription => "subscription",
            Self::Mutation => "mutation",
        }
    }
}

/// Finds the operation that a server runs: the only one, or the one that is named.
pub(super) fn operation(document: &str, name: Option<&str>) -> Result<Operation, Obstacle> {
    let operations = operations(document)?;
    let name = name.filter(|name| !name.is_empty());
    match (operations.as_slice(), name) {
        ([(operation, _)], None) => Ok(*operation),
        (_, Some(name)) => operations
            .iter()
            .find_map(|(operation, known)| (*known == Some(name)).then_some(*operation))
            .ok_or_else(|| unclear("no operation has the name that is asked for")),
        ([], None) => Err(unclear("no operation")),
        (_, None) => Err(unclear("several operations, and none is named")),
    }
}

/// Finds the strongest operation of a document, if it is one.
pub(super) fn strongest(document: &str) -> Option<Operation> {
    operations(document).ok()?.into_iter().map(|(operation, _)| operation).max()
}

/// Lists the operations of a document with their names.
fn operations(document: &str) -> Result<Vec<(Operation, Option<&str>)>, Obstacle> {
    Obstacle::check_size("bytes", document.len())?;
    let mut reader = Reader { rest: document.strip_prefix('\u{feff}').unwrap_or(document) };
    let mut operations: Vec<(Operation, Option<&str>)> = Vec::new();
    let mut fragments: Vec<&str> = Vec::new();
    while let Some(token) = reader.next()? {
        let operation = match token {
            Token::Sign('{') => {
                reader.skip_to_close('{')?;
                operations.push((Operation::Query, None));
                continue;
            }
            Token::Name("query") => Operation::Query,
            Token::Name("mutation") => Operation::Mutation,
            Token::Name("subscription") => Operation::Subscription,
            Token::Name("fragment") => {
                let Some(Token::Name(name)) = reader.next()? else {
                    return Err(unclear("a fragment without a name"));
                };
                let condition = [reader.next()?, reader.next()?];
                if name == "on"
                    || fragments.contains(&name)
                    || !matches!(condition, [Some(Token::Name("on")), Some(Token::Name(_))])
                {
                    return Err(unclear("a malformed fragment, or two of one name"));
                }
                fragments.push(name);
                let first = reader.next()?;
                reader.skip_head(first)?;
                continue;
            }
            _ => return Err(unclear("something that is neither an operation nor a fragment")),
        };
        let first = reader.next()?;
        let name = match first {
            Some(Token::Name(name)) => Some(name),
            _ => None,
        };
        let head = if name.is_some() { reader.next()? } else { first };
        if head == Some(Token::Sign('(')) {
            reader.skip_to_close('(')?;
            let first = reader.next()?;
            reader.skip_head(first)?;
        } else {
            reader.skip_head(head)?;
        }
        operations.push((operation, name));
    }
    let alone = operations.iter().all(|(_, name)| name.is_some()) || operations.len() == 1;
    let distinct = operations
        .iter()
        .enumerate()
        .all(|(index, (_, name))| operations.iter().take(index).all(|(_, earlier)| earlier != name));
    if !alone || !distinct {
        return Err(unclear("an operation without a name beside others, or two of one name"));
    }
    Ok(operations)
}

/// A lexical token; what conditions nothing is a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'d> {
    Name(&'d str),
    Sign(char),
    Value,
}

struct Reader<'d> {
    rest: &'d str,
}

impl<'d> Reader<'d> {
    /// Passes over directives and the selection that ends a definition.
    fn skip_head(&mut self, first: Option<Token<'d>>) -> Result<(), Obstacle> {
        let mut token = first;
        loop {
            match token {
                Some(Token::Sign('{')) => return self.skip_to_close('{'),
                Some(Token::Sign('@')) => {
                    if !matches!(self.next()?, Some(Token::Name(_))) {
                        return Err(unclear("a directive without a name"));
                    }
                    token = self.next()?;
                    if token == Some(Token::Sign('(')) {
                        self.skip_to_close('(')?;
                        token = self.next()?;
                    }
                }
                _ => return Err(unclear("a definition without a selection")),
            }
        }
    }

    /// Passes over everything up to the bracket that closes an open one.
    fn skip_to_close(&mut self, open: char) -> Result<(), Obstacle> {
        let mut waiting = vec![open];
        while let Some(last) = waiting.last() {
            match (self.next()?, last) {
                (Some(Token::Sign(open @ ('{' | '(' | '['))), _) => {
                    if waiting.len() >= limits::GRAPHQL_NESTING {
                        return Err(Obstacle::TooLarge {
                            what: "nesting",
                            found: waiting.len().saturating_add(1),
                            limit: limits::GRAPHQL_NESTING,
                        });
                    }
                    waiting.push(open);
                }
                (Some(Token::Sign('}')), '{')
                | (Some(Token::Sign(')')), '(')
                | (Some(Token::Sign(']')), '[') => {
                    waiting.pop();
                }
                (Some(Token::Sign('}' | ')' | ']')), _) | (None, _) => {
                    return Err(unclear("a bracket without its other half"));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Reads one token, past blanks, commas and comments.
    fn next(&mut self) -> Result<Option<Token<'d>>, Obstacle> {
        loop {
            self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r', ',']);
            let Some(comment) = self.rest.strip_prefix('#') else { break };
            let end = comment.find(['\n', '\r']).unwrap_or(comment.len());
            let (text, rest) = comment.split_at_checked(end).unwrap_or((comment, ""));
            if text
                .chars()
                .any(|letter| is_control(letter) || matches!(letter, '\u{2028}' | '\u{2029}' | '\u{85}'))
            {
                return Err(unclear("a character in a comment that may end it"));
            }
            self.rest = rest;
        }
        let Some(first) = self.rest.chars().next() else { return Ok(None) };
        if let Some(text) = self.rest.strip_prefix("\"\"\"") {
            return self.block(text).map(Some);
        }
        if let Some(text) = self.rest.strip_prefix('"') {
            return self.string(text).map(Some);
        }
        if let Some(rest) = self.rest.strip_prefix("...") {
            self.rest = rest;
            return Ok(Some(Token::Sign('.')));
        }
        if "!$&():=@[]{|}".contains(first) {
            self.rest = self.rest.get(1..).unwrap_or_default();
            return Ok(Some(Token::Sign(first)));
        }
        let end = self.rest.find(|letter: char| !is_word(letter)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
        if !word.is_empty() && !first.is_ascii_digit() {
            self.rest = rest;
            return Ok(Some(Token::Name(word)));
        }
        if first == '-' || first.is_ascii_digit() {
            return self.number().map(Some);
        }
        Err(unclear("a character that GraphQL does not have"))
    }

    /// Reads a number; a name or a dot right behind it is refused, as the grammar demands.
    fn number(&mut self) -> Result<Token<'d>, Obstacle> {
        let number = |letter: char| is_word(letter) || matches!(letter, '.' | '+' | '-');
        let end = self.rest.find(|letter| !number(letter)).unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
        // A GraphQL number is a JSON number.
        if serde_json::from_str::<serde_json::Number>(text).is_err() {
            return Err(unclear("a malformed number"));
        }
        self.rest = rest;
        Ok(Token::Value)
    }

    fn string(&mut self, text: &'d str) -> Result<Token<'d>, Obstacle> {
        let mut letters = text.char_indices();
        while let Some((index, letter)) = letters.next() {
            match letter {
                '"' => {
                    self.rest = text.get(index..).and_then(|rest| rest.strip_prefix('"')).unwrap_or_default();
                    return Ok(Token::Value);
                }
                '\\' => match letters.next() {
                    Some((_, escape)) if "\"\\/bfnrtu".contains(escape) => {}
                    _ => return Err(unclear("a malformed escape")),
                },
                letter if is_control(letter) || matches!(letter, '\n' | '\r') => break,
                _ => {}
            }
        }
        Err(unclear("a text without its end"))
    }

    fn block(&mut self, text: &'d str) -> Result<Token<'d>, Obstacle> {
        let mut rest = text;
        while let Some(index) = rest.find("\"\"\"") {
            let (before, from) = rest.split_at_checked(index).unwrap_or((rest, ""));
            rest = from.strip_prefix("\"\"\"").unwrap_or_default();
            if before.chars().any(is_control) {
                return Err(unclear("a control character in a text"));
            }
            // `\"""` is three quotes inside the text, whatever stands before the backslash.
            if !before.ends_with('\\') {
                self.rest = rest;
                return Ok(Token::Value);
            }
        }
        Err(unclear("a text without its end"))
    }
}

fn is_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

fn is_control(letter: char) -> bool {
    letter.is_control() && !matches!(letter, '\t' | '\n' | '\r')
}

fn unclear(problem: &'static str) -> Obstacle {
    Obstacle::unclear("graphql", problem)
}
