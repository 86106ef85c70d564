//! Bounds on what the parser may be given.
//!
//! The parser recurses on brackets and prefixes, and its tree hangs operators under operators to the left;
//! walking and dropping that tree recurses as well. Both depths are counted on the tokens first, so that no
//! text can exhaust a small stack.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, Word};

use super::facts::Obstacle;
use crate::limits;

/// Checks the depth that `tokens` can reach in the parser's tree.
pub(super) fn check(tokens: &[Token]) -> Result<(), Obstacle> {
    let mut depth = Depth { levels: vec![Level::default()], chain: 0 };
    for token in tokens {
        match token {
            Token::LParen => depth.open()?,
            Token::LBracket => {
                depth.link(false)?;
                depth.open()?;
            }
            Token::RParen | Token::RBracket => depth.close(),
            Token::Comma => depth.reset(false),
            Token::SemiColon => depth.reset(true),
            Token::Word(word) if is_set_operator(word) => depth.link(true)?,
            Token::Word(word) if word.keyword == Keyword::NoKeyword || word.quote_style.is_some() => {}
            Token::Period | Token::Number(..) | Token::SingleQuotedString(_) | Token::Placeholder(_) => {}
            _ => depth.link(false)?,
        }
    }
    Ok(())
}

/// Operators seen so far inside one pair of brackets.
#[derive(Default)]
struct Level {
    /// Since the last comma: a comma starts a sibling.
    links: usize,
    /// Set operations and joins, which hold their siblings' commas.
    lasting: usize,
}

struct Depth {
    levels: Vec<Level>,
    /// The sum over all open levels.
    chain: usize,
}

impl Depth {
    fn open(&mut self) -> Result<(), Obstacle> {
        self.levels.push(Level::default());
        let (found, limit) = (self.levels.len(), limits::SQL_NESTING);
        if found > limit {
            return Err(Obstacle::TooLarge { what: "nesting", found, limit });
        }
        Ok(())
    }

    fn close(&mut self) {
        self.reset(true);
        if self.levels.len() > 1 {
            self.levels.pop();
        }
    }

    fn link(&mut self, lasting: bool) -> Result<(), Obstacle> {
        if let Some(level) = self.levels.last_mut() {
            let count = if lasting { &mut level.lasting } else { &mut level.links };
            *count = count.saturating_add(1);
        }
        self.chain = self.chain.saturating_add(1);
        let (found, limit) = (self.chain, limits::SQL_CHAIN);
        if found > limit {
            return Err(Obstacle::TooLarge { what: "number of chained operators", found, limit });
        }
        Ok(())
    }

    fn reset(&mut self, lasting: bool) {
        if let Some(level) = self.levels.last_mut() {
            self.chain = self.chain.saturating_sub(std::mem::take(&mut level.links));
            if lasting {
                self.chain = self.chain.saturating_sub(std::mem::take(&mut level.lasting));
            }
        }
    }
}

fn is_set_operator(word: &Word) -> bool {
    matches!(
        word.keyword,
        Keyword::UNION | Keyword::EXCEPT | Keyword::INTERSECT | Keyword::MINUS | Keyword::JOIN
    )
}
