//! Operators.
//!
//! Each dialect has a closed list. PostgreSQL lets users define operators, which call functions that the
//! text does not show; an operator that is not built in is refused, and so is one whose spelling is.

use sqlparser::tokenizer::Token;

use super::facts::Obstacle;
use super::lex::Lexer;
use crate::Dialect;

/// Reads the operator at the cursor.
pub(super) fn operator(lexer: &mut Lexer<'_>) -> Result<(), Obstacle> {
    let spelling = match lexer.dialect {
        Dialect::PostgreSql => postgresql_run(lexer.cursor.rest()),
        dialect => longest(dialect, lexer.cursor.rest()),
    };
    let Some(token) = token(lexer.dialect, spelling) else {
        let found = if spelling.is_empty() {
            lexer.cursor.char().map(String::from)
        } else {
            Some(spelling.to_owned())
        };
        return Err(Obstacle::Name(found.unwrap_or_default()));
    };
    lexer.cursor.skip(spelling.len());
    lexer.tokens.push(token);
    Ok(())
}

/// The operator by PostgreSQL's rule ("Lexical Structure", "Operators"): the longest run of operator
/// characters before a comment, less a final `+` or `-` unless one of `~!@#%^&|?` and the back-tick is in it.
fn postgresql_run(text: &str) -> &str {
    let end = text.find(|character| !"~!@#^&|`?+-*/%<>=".contains(character)).unwrap_or(text.len());
    let mut run = text.get(..end).unwrap_or_default();
    for comment in ["--", "/*"] {
        run = run.split_once(comment).map_or(run, |(before, _)| before);
    }
    if !run.contains(['~', '!', '@', '#', '%', '^', '&', '|', '`', '?']) {
        while let (2.., Some(shorter)) = (run.len(), run.strip_suffix(['+', '-'])) {
            run = shorter;
        }
    }
    run
}

fn longest(dialect: Dialect, text: &str) -> &str {
    (1..=3)
        .rev()
        .filter_map(|length| text.get(..length))
        .find(|spelling| token(dialect, spelling).is_some())
        .unwrap_or_default()
}

fn token(dialect: Dialect, spelling: &str) -> Option<Token> {
    common(spelling).or_else(|| match dialect {
        Dialect::PostgreSql => postgresql(spelling),
        Dialect::MySql => mysql(spelling),
        Dialect::Sqlite => sqlite(spelling),
        Dialect::Generic => None,
    })
}

fn common(spelling: &str) -> Option<Token> {
    Some(match spelling {
        "+" => Token::Plus,
        "-" => Token::Minus,
        "*" => Token::Mul,
        "/" => Token::Div,
        "%" => Token::Mod,
        "=" => Token::Eq,
        "<" => Token::Lt,
        ">" => Token::Gt,
        "<=" => Token::LtEq,
        ">=" => Token::GtEq,
        "<>" | "!=" => Token::Neq,
        "||" => Token::StringConcat,
        "&" => Token::Ampersand,
        "|" => Token::Pipe,
        "~" => Token::Tilde,
        "<<" => Token::ShiftLeft,
        ">>" => Token::ShiftRight,
        "->" => Token::Arrow,
        "->>" => Token::LongArrow,
        _ => return None,
    })
}

fn mysql(spelling: &str) -> Option<Token> {
    Some(match spelling {
        "&&" => Token::Overlap,
        "!" => Token::ExclamationMark,
        "<=>" => Token::Spaceship,
        "^" => Token::Caret,
        _ => return None,
    })
}

fn sqlite(spelling: &str) -> Option<Token> {
    (spelling == "==").then_some(Token::DoubleEq)
}

fn postgresql(spelling: &str) -> Option<Token> {
    Some(match spelling {
        "=>" => Token::RArrow,
        "^" => Token::Caret,
        "#" => Token::Sharp,
        "##" => Token::DoubleSharp,
        "~*" => Token::TildeAsterisk,
        "!~" => Token::ExclamationMarkTilde,
        "!~*" => Token::ExclamationMarkTildeAsterisk,
        "~~" => Token::DoubleTilde,
        "~~*" => Token::DoubleTildeAsterisk,
        "!~~" => Token::ExclamationMarkDoubleTilde,
        "!~~*" => Token::ExclamationMarkDoubleTildeAsterisk,
        "&&" => Token::Overlap,
        "@" => Token::AtSign,
        "^@" => Token::CaretAt,
        "|/" => Token::PGSquareRoot,
        "||/" => Token::PGCubeRoot,
        "#>" => Token::HashArrow,
        "#>>" => Token::HashLongArrow,
        "#-" => Token::HashMinus,
        "@-@" => Token::AtDashAt,
        "?-" => Token::QuestionMarkDash,
        "&<" => Token::AmpersandLeftAngleBracket,
        "&>" => Token::AmpersandRightAngleBracket,
        "&<|" => Token::AmpersandLeftAngleBracketVerticalBar,
        "|&>" => Token::VerticalBarAmpersandRightAngleBracket,
        "<->" => Token::TwoWayArrow,
        "<^" => Token::LeftAngleBracketCaret,
        ">^" => Token::RightAngleBracketCaret,
        "?#" => Token::QuestionMarkSharp,
        "?-|" => Token::QuestionMarkDashVerticalBar,
        "?||" => Token::QuestionMarkDoubleVerticalBar,
        "~=" => Token::TildeEqual,
        "<<|" => Token::ShiftLeftVerticalBar,
        "|>>" => Token::VerticalBarShiftRight,
        "@>" => Token::AtArrow,
        "<@" => Token::ArrowAt,
        "@?" => Token::AtQuestion,
        "@@" => Token::AtAt,
        "?" => Token::Question,
        "?&" => Token::QuestionAnd,
        "?|" => Token::QuestionPipe,
        "!!" | "*<" | "*<=" | "*<>" | "*=" | "*>" | "*>=" | "-|-" | "<<=" | ">>=" | "@@@" | "|>" | "~<=~"
        | "~<~" | "~>=~" | "~>~" => Token::CustomBinaryOperator(spelling.to_owned()),
        _ => return None,
    })
}
