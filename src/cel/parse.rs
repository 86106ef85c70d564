//! From tokens to a syntax tree.
//!
//! Reads the grammar of the language by operator precedence. Bytes, tokens, nodes, nesting and the height
//! of the tree are bounded while it reads, so no text makes it deep or slow. The first fault ends it.

use super::ast::{BinaryOp, Expr, Kind, Literal};
use super::diagnostic::{Diagnostic, Span, quote};
use super::lex::{Lexer, Token, TokenKind};
use super::limits::Limits;
use super::names::RESERVED;
use super::{literal, macros};

/// Reads a condition.
pub(super) fn parse(source: &str, limits: Limits) -> Result<Expr, Vec<Diagnostic>> {
    if source.len() > limits.source_bytes {
        let fault = format!("condition is {} bytes, limit is {}", source.len(), limits.source_bytes);
        return Err(vec![Diagnostic::error(Span::new(0, 1), fault)]);
    }
    read(source, limits).map_err(|fault| vec![*fault])
}

fn read(source: &str, limits: Limits) -> Parsed {
    let mut lexer = Lexer::new(source);
    let token = lexer.next()?;
    let mut parser = Parser { source, limits, lexer, token, tokens: 0, nodes: 0, depth: 0 };
    if token.kind == TokenKind::End {
        return Err(Diagnostic::error(token.span, "condition is empty").into());
    }
    let tree = parser.expression()?;
    match parser.token.kind {
        TokenKind::End => Ok(tree),
        _ => Err(parser.unexpected("an operator or the end")),
    }
}

pub(super) struct Parser<'s> {
    source: &'s str,
    limits: Limits,
    lexer: Lexer<'s>,
    token: Token,
    tokens: usize,
    nodes: usize,
    depth: usize,
}

/// The fault is boxed, because the parser recurses and most of its frames hold a result.
pub(super) type Parsed<T = Expr> = Result<T, Box<Diagnostic>>;

impl Parser<'_> {
    /// Makes a node; its height is one more than that of its highest child.
    pub(super) fn node(&mut self, span: Span, kind: Kind) -> Parsed {
        self.nodes = self.nodes.saturating_add(1);
        if self.nodes > self.limits.nodes {
            let fault = format!("condition has more than {} parts", self.limits.nodes);
            return Err(Diagnostic::error(span, fault).into());
        }
        let height = kind.highest_child().saturating_add(1);
        if usize::from(height) > self.limits.height {
            let fault = format!("condition is chained or nested deeper than {}", self.limits.height);
            return Err(Diagnostic::error(span, fault).into());
        }
        Ok(Expr { span, height, kind })
    }

    fn bump(&mut self) -> Parsed<Token> {
        let token = self.token;
        self.tokens = self.tokens.saturating_add(1);
        if self.tokens > self.limits.tokens {
            let fault = format!("condition has more than {} words and signs", self.limits.tokens);
            return Err(Diagnostic::error(token.span, fault).into());
        }
        self.token = self.lexer.next()?;
        Ok(token)
    }

    fn eat(&mut self, kind: TokenKind) -> Parsed<bool> {
        let found = self.token.kind == kind;
        if found {
            self.bump()?;
        }
        Ok(found)
    }

    fn expect(&mut self, kind: TokenKind, expected: &str) -> Parsed<Token> {
        if self.token.kind == kind { self.bump() } else { Err(self.unexpected(expected)) }
    }

    fn text(&self, span: Span) -> &str {
        self.source.get(span.range()).unwrap_or_default()
    }

    fn unexpected(&self, expected: &str) -> Box<Diagnostic> {
        let found = match self.token.kind {
            TokenKind::End => "the end".to_owned(),
            _ => quote(self.text(self.token.span)).to_string(),
        };
        Box::new(Diagnostic::error(self.token.span, format!("expected {expected}, found {found}")))
    }

    fn expression(&mut self) -> Parsed {
        self.depth = self.depth.saturating_add(1);
        if self.depth > self.limits.nesting {
            let fault = format!("condition is nested deeper than {}", self.limits.nesting);
            return Err(Diagnostic::error(self.token.span, fault).into());
        }
        let condition = self.binary(OR)?;
        let tree =
            if self.token.kind == TokenKind::Question { self.conditional(condition)? } else { condition };
        self.depth = self.depth.saturating_sub(1);
        Ok(tree)
    }

    fn conditional(&mut self, condition: Expr) -> Parsed {
        self.bump()?;
        let then = self.binary(OR)?;
        self.expect(TokenKind::Colon, "`:` and what holds otherwise")?;
        let otherwise = self.expression()?;
        let span = condition.span.to(otherwise.span);
        self.node(span, Kind::If(Box::new([condition, then, otherwise])))
    }

    /// Reads operands joined by operators of at least a level.
    fn binary(&mut self, least: u8) -> Parsed {
        let mut left = self.unary()?;
        while let Some((level, op)) = operator(self.token.kind).filter(|(level, _)| *level >= least) {
            left = match op {
                Operator::And | Operator::Or => self.chain(left, op, level)?,
                Operator::Binary(op) => self.operation(left, op, level)?,
            };
        }
        Ok(left)
    }

    fn operation(&mut self, left: Expr, op: BinaryOp, level: u8) -> Parsed {
        self.bump()?;
        let right = self.binary(level.saturating_add(1))?;
        let span = left.span.to(right.span);
        self.node(span, Kind::Binary { op, left: Box::new(left), right: Box::new(right) })
    }

    fn chain(&mut self, first: Expr, op: Operator, level: u8) -> Parsed {
        let kind = self.token.kind;
        let mut span = first.span;
        let mut parts = vec![first];
        while self.eat(kind)? {
            let part = self.binary(level.saturating_add(1))?;
            span = span.to(part.span);
            parts.push(part);
        }
        self.node(span, if matches!(op, Operator::And) { Kind::And(parts) } else { Kind::Or(parts) })
    }

    fn unary(&mut self) -> Parsed {
        if matches!(self.token.kind, TokenKind::Not | TokenKind::Minus) {
            self.signed()
        } else {
            self.member(false)
        }
    }

    /// Reads signs and their operand. Of more than two equal signs two or one are kept: each further pair
    /// changes nothing, and two still check that the operand has the type.
    fn signed(&mut self) -> Parsed {
        let sign = self.token;
        let mut last = sign.span;
        let mut count = 0_usize;
        while self.token.kind == sign.kind {
            last = self.bump()?.span;
            count = count.saturating_add(1);
        }
        let mut negative = sign.kind == TokenKind::Minus && self.at_number();
        if negative {
            count = count.saturating_sub(1);
        }
        if sign.kind == TokenKind::Not && self.token.kind == TokenKind::Minus {
            last = self.bump()?.span;
            negative = true;
            if !self.at_number() {
                return Err(self.unexpected("a number"));
            }
        }
        let mut tree = self.member(negative)?;
        if negative {
            tree.span = last.to(tree.span);
        }
        let times = if count > 2 { 2_usize.saturating_sub(count % 2) } else { count };
        for _ in 0..times {
            let span = sign.span.to(tree.span);
            let operand = Box::new(tree);
            let kind = if sign.kind == TokenKind::Not { Kind::Not(operand) } else { Kind::Negate(operand) };
            tree = self.node(span, kind)?;
        }
        Ok(tree)
    }

    fn at_number(&self) -> bool {
        matches!(self.token.kind, TokenKind::Int | TokenKind::Double)
    }

    fn member(&mut self, negative: bool) -> Parsed {
        let mut tree = self.primary(negative)?;
        loop {
            tree = match self.token.kind {
                TokenKind::Dot => self.selection(tree)?,
                TokenKind::OpenBracket => self.subscript(tree)?,
                TokenKind::OpenBrace if tree.path().is_some() => self.message(tree)?,
                _ => return Ok(tree),
            };
        }
    }

    fn subscript(&mut self, operand: Expr) -> Parsed {
        self.bump()?;
        let optional = self.eat(TokenKind::Question)?;
        let index = self.expression()?;
        let end = self.expect(TokenKind::CloseBracket, "`]`")?;
        let span = operand.span.to(end.span);
        self.node(span, Kind::Index { operand: Box::new(operand), index: Box::new(index), optional })
    }

    fn selection(&mut self, operand: Expr) -> Parsed {
        self.bump()?;
        let optional = self.eat(TokenKind::Question)?;
        let token = self.token;
        let name: Box<str> = match token.kind {
            TokenKind::Name => {
                self.bump()?;
                self.text(token.span).into()
            }
            TokenKind::Quoted => {
                self.bump()?;
                self.text(token.span).trim_matches('`').into()
            }
            _ => return Err(self.unexpected("a name")),
        };
        if self.token.kind == TokenKind::OpenParen && token.kind == TokenKind::Name && !optional {
            let (args, end) = self.arguments()?;
            let span = operand.span.to(end);
            return macros::method(self, operand, name, args, span);
        }
        let span = operand.span.to(token.span);
        self.node(span, Kind::Select { operand: Box::new(operand), field: name, optional })
    }

    fn arguments(&mut self) -> Parsed<(Vec<Expr>, Span)> {
        self.bump()?;
        let mut args = Vec::new();
        if self.token.kind != TokenKind::CloseParen {
            args.push(self.expression()?);
            while self.eat(TokenKind::Comma)? {
                args.push(self.expression()?);
            }
        }
        let end = self.expect(TokenKind::CloseParen, "`,` or `)`")?;
        Ok((args, end.span))
    }

    fn primary(&mut self, negative: bool) -> Parsed {
        let token = self.token;
        match token.kind {
            TokenKind::OpenParen => self.group(),
            TokenKind::OpenBracket => self.list(),
            TokenKind::OpenBrace => self.map(),
            TokenKind::Dot => {
                self.bump()?;
                let token = self.expect(TokenKind::Name, "a name")?;
                self.name(token, true)
            }
            TokenKind::Name => {
                self.bump()?;
                self.name(token, false)
            }
            _ => self.literal(negative),
        }
    }

    fn group(&mut self) -> Parsed {
        let start = self.bump()?.span;
        let mut inner = self.expression()?;
        inner.span = start.to(self.expect(TokenKind::CloseParen, "`)`")?.span);
        Ok(inner)
    }

    fn name(&mut self, token: Token, absolute: bool) -> Parsed {
        let word = self.text(token.span);
        let constant = match word {
            "true" => Some(Literal::Bool(true)),
            "false" => Some(Literal::Bool(false)),
            "null" => Some(Literal::Null),
            _ => None,
        };
        if let Some(constant) = constant.filter(|_| !absolute) {
            return self.node(token.span, Kind::Literal(constant));
        }
        let name: Box<str> = word.into();
        if self.token.kind == TokenKind::OpenParen {
            let (args, end) = self.arguments()?;
            return macros::function(self, name, args, token.span.to(end));
        }
        if RESERVED.contains(&name.as_ref()) {
            return Err(Diagnostic::error(token.span, format!("{} is a reserved word", quote(&name))).into());
        }
        self.node(token.span, Kind::Name { name, absolute })
    }

    fn literal(&mut self, negative: bool) -> Parsed {
        let token = self.token;
        let text = self.source.get(token.span.range()).unwrap_or_default();
        let found = match token.kind {
            TokenKind::Int => literal::int(text, negative, token.span)?,
            TokenKind::Double => literal::double(text, negative, token.span)?,
            TokenKind::Uint => literal::uint(text, token.span)?,
            TokenKind::String => literal::string(text, token.span)?,
            TokenKind::Bytes => literal::bytes(text, token.span)?,
            _ => return Err(self.unexpected("a value")),
        };
        self.bump()?;
        self.node(token.span, Kind::Literal(found))
    }

    fn list(&mut self) -> Parsed {
        let start = self.bump()?.span;
        let mut items = Vec::new();
        while self.token.kind != TokenKind::CloseBracket {
            let optional = self.eat(TokenKind::Question)?;
            items.push((self.expression()?, optional));
            if !self.eat(TokenKind::Comma)? {
                break;
            }
        }
        let end = self.expect(TokenKind::CloseBracket, "`,` or `]`")?;
        self.node(start.to(end.span), Kind::List(items))
    }

    fn map(&mut self) -> Parsed {
        let start = self.bump()?.span;
        let mut entries = Vec::new();
        while self.token.kind != TokenKind::CloseBrace {
            let optional = self.eat(TokenKind::Question)?;
            let key = self.expression()?;
            self.expect(TokenKind::Colon, "`:` and the value of the key")?;
            entries.push((key, self.expression()?, optional));
            if !self.eat(TokenKind::Comma)? {
                break;
            }
        }
        let end = self.expect(TokenKind::CloseBrace, "`,` or `}`")?;
        self.node(start.to(end.span), Kind::Map(entries))
    }

    fn message(&mut self, name: Expr) -> Parsed {
        self.bump()?;
        while self.token.kind != TokenKind::CloseBrace {
            self.eat(TokenKind::Question)?;
            if !self.eat(TokenKind::Quoted)? {
                self.expect(TokenKind::Name, "a field")?;
            }
            self.expect(TokenKind::Colon, "`:` and the value of the field")?;
            self.expression()?;
            if !self.eat(TokenKind::Comma)? {
                break;
            }
        }
        let end = self.expect(TokenKind::CloseBrace, "`,` or `}`")?;
        let path = self.text(name.span).into();
        self.node(name.span.to(end.span), Kind::Message(path))
    }
}

#[derive(Clone, Copy)]
enum Operator {
    And,
    Or,
    Binary(BinaryOp),
}

fn operator(kind: TokenKind) -> Option<(u8, Operator)> {
    let relation = |op| (RELATION, Operator::Binary(op));
    Some(match kind {
        TokenKind::OrOr => (OR, Operator::Or),
        TokenKind::AndAnd => (AND, Operator::And),
        TokenKind::Equal => relation(BinaryOp::Equal),
        TokenKind::NotEqual => relation(BinaryOp::NotEqual),
        TokenKind::Less => relation(BinaryOp::Less),
        TokenKind::LessEqual => relation(BinaryOp::LessEqual),
        TokenKind::Greater => relation(BinaryOp::Greater),
        TokenKind::GreaterEqual => relation(BinaryOp::GreaterEqual),
        TokenKind::In => relation(BinaryOp::In),
        TokenKind::Plus => (ADD, Operator::Binary(BinaryOp::Add)),
        TokenKind::Minus => (ADD, Operator::Binary(BinaryOp::Subtract)),
        TokenKind::Star => (MULTIPLY, Operator::Binary(BinaryOp::Multiply)),
        TokenKind::Slash => (MULTIPLY, Operator::Binary(BinaryOp::Divide)),
        TokenKind::Percent => (MULTIPLY, Operator::Binary(BinaryOp::Remainder)),
        _ => return None,
    })
}

const OR: u8 = 1;
const AND: u8 = 2;
const RELATION: u8 = 3;
const ADD: u8 = 4;
const MULTIPLY: u8 = 5;
