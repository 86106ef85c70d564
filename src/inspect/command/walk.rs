//! Explaining the words of a command.
//!
//! Every word must be explained: as a flag that the table knows, as that flag's value, as part of the verb,
//! or as an operand of a kind that may stand there. A value in a word of its own never looks like a flag, so
//! no flag hides as another's value.

use super::facts::{CommandEffect, Known, Obstacle};
use super::table::{Flag, Form, Program, Style, Takes};
use super::values::{self, Place};

/// What is known so far.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub(super) verb: Vec<String>,
    pub(super) effect: CommandEffect,
    pub(super) secrets: bool,
    pub(super) targets: Vec<String>,
    /// Files are searched below the operands.
    pub(super) deep: bool,
    /// An operand has named a type of resource.
    pub(super) typed: bool,
    /// A statement has changed how later ones are read.
    pub(super) unsettled: bool,
}

/// The words of a command, without the program.
#[derive(Debug, Clone, Copy)]
pub(super) struct Words<'a> {
    pub(super) list: &'a [&'a str],
    pub(super) directory: Option<&'a str>,
}

/// Why a form does not explain the words.
#[derive(Debug)]
enum Miss {
    OtherVerb { word: usize },
    Obstacle(Obstacle),
}

#[derive(Debug)]
struct Walk<'a> {
    words: Words<'a>,
    program: Program,
    form: Form,
    at: usize,
    draft: Draft,
    needed: bool,
    instead: bool,
    given: Vec<&'static str>,
    operands: Vec<(usize, &'a str)>,
}

/// Finds the strongest of all forms that explain every word.
pub(super) fn explain(name: &str, program: &Program, words: Words<'_>) -> Result<Known, Obstacle> {
    let mut best: Option<Draft> = None;
    let mut obstacle = None;
    let mut furthest = 0;
    for form in program.forms() {
        match Walk::new(words, *program, form).run() {
            Ok(draft) => best = Some(best.map_or(draft.clone(), |best| best.stronger(draft))),
            Err(Miss::Obstacle(found)) => obstacle = obstacle.or(Some(found)),
            Err(Miss::OtherVerb { word }) => furthest = furthest.max(word),
        }
    }
    match best {
        Some(draft) => Ok(draft.known(name)),
        None => Err(obstacle.unwrap_or(Obstacle::Verb { program: name.to_owned(), word: furthest })),
    }
}

impl Draft {
    pub(super) fn new(effect: CommandEffect, secrets: bool) -> Self {
        Self {
            verb: Vec::new(),
            effect,
            secrets,
            targets: Vec::new(),
            deep: false,
            typed: false,
            unsettled: false,
        }
    }

    pub(super) fn raise(&mut self, effect: CommandEffect) {
        self.effect = self.effect.max(effect);
    }

    /// Notes that credentials are shown or carried.
    pub(super) fn secret(&mut self) {
        self.secrets = true;
        self.raise(CommandEffect::Privilege);
    }

    fn stronger(mut self, mut other: Self) -> Self {
        self.targets.append(&mut other.targets);
        let secrets = self.secrets || other.secrets;
        let mut strongest =
            if other.effect > self.effect { Self { targets: self.targets, ..other } } else { self };
        strongest.secrets = secrets;
        strongest
    }

    pub(super) fn known(mut self, program: &str) -> Known {
        self.targets.sort_unstable();
        self.targets.dedup();
        Known {
            program: program.to_owned(),
            verb: (!self.verb.is_empty()).then(|| self.verb.join(" ")),
            effect: self.effect,
            targets: self.targets,
            secrets: self.secrets,
        }
    }
}

impl<'a> Walk<'a> {
    fn new(words: Words<'a>, program: Program, form: Form) -> Self {
        let draft = Draft::new(form.effect, form.secrets);
        let (given, operands) = (Vec::new(), Vec::new());
        Self { words, program, form, at: 0, draft, needed: false, instead: false, given, operands }
    }

    fn run(mut self) -> Result<Draft, Miss> {
        let mut verb = self.form.verb.split(' ').filter(|word| !word.is_empty()).peekable();
        let mut ended = false;
        while let Some(word) = self.words.list.get(self.at).copied() {
            let place = self.at;
            self.at = self.at.saturating_add(1);
            let before_verb = verb.peek().is_some();
            if !ended
                && word == "--"
                && matches!(self.program.style, Style::Gnu | Style::Cobra)
                && !before_verb
            {
                ended = true;
            } else if !ended && word.len() > 1 && word.starts_with('-') {
                self.flags(word, place, before_verb).map_err(Miss::Obstacle)?;
            } else if let Some(words) = verb.next_if(|words| words.split('|').any(|known| known == word)) {
                self.draft.verb.extend(words.split('|').next().map(str::to_owned));
                ended = self.program.stop;
            } else if before_verb {
                return Err(Miss::OtherVerb { word: place.saturating_add(1) });
            } else {
                if self.program.style != Style::Find || !matches!(word, "(" | ")" | "!" | ",") {
                    self.operands.push((place, word));
                }
                ended |= self.program.stop;
            }
        }
        if verb.peek().is_some() {
            return Err(Miss::OtherVerb { word: self.at.saturating_add(1) });
        }
        self.finish().map_err(Miss::Obstacle)
    }

    fn finish(mut self) -> Result<Draft, Obstacle> {
        let all = self.form.required().all(|name| self.given.contains(&name));
        if !all || self.form.needs_a_flag() && !self.needed {
            return Err(Obstacle::Missing("a flag that says what to do"));
        }
        if self.form.operands == "REDIS" {
            super::redis::judge(&self.operands, &mut self.draft)?;
            return Ok(self.draft);
        }
        let mut operands = std::mem::take(&mut self.operands).into_iter().peekable();
        let kinds = self.form.operands.split(' ').filter(|kind| !kind.is_empty());
        for kind in kinds.skip(usize::from(self.instead)) {
            let (kind, mark) = match kind.strip_suffix(['?', '*', '+']) {
                Some(bare) => (bare, kind.strip_prefix(bare).unwrap_or_default()),
                None => (kind, ""),
            };
            let mut missing = matches!(mark, "" | "+");
            if operands.peek().is_none() && self.draft.deep && kind == "FILE" {
                // Without an operand the working directory is searched.
                self.value(kind, ".", self.at, false)?;
            }
            while let Some(&(place, word)) = operands.peek() {
                self.value(kind, word, place, true)?;
                operands.next();
                missing = false;
                if matches!(mark, "" | "?") {
                    break;
                }
            }
            if missing {
                return Err(Obstacle::Missing("an operand"));
            }
        }
        match operands.next() {
            Some((place, _)) => Err(unexpected(place)),
            None => Ok(self.draft),
        }
    }

    /// Explains a word that starts with a dash.
    fn flags(&mut self, word: &'a str, place: usize, before_verb: bool) -> Result<(), Obstacle> {
        match self.program.style {
            Style::Single | Style::Find => self.long(word, place, before_verb, "-"),
            _ if word.starts_with("--") => self.long(word, place, before_verb, "--"),
            style => self.cluster(word, place, before_verb, style),
        }
    }

    fn long(&mut self, word: &'a str, place: usize, before: bool, dashes: &str) -> Result<(), Obstacle> {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (word, None),
        };
        let bare = name.strip_prefix('-').unwrap_or(name);
        let bare = bare.strip_prefix('-').unwrap_or(bare);
        let name = format!("{dashes}{bare}");
        let flag = self.find(&name, before).ok_or_else(|| Obstacle::Flag(name.clone()))?;
        match (flag.takes, value) {
            (Takes::Nothing, Some(value)) => {
                let states = matches!(self.program.style, Style::Cobra | Style::Single);
                let off = value == "false" && !flag.has("needed") && !flag.has("must");
                if !states || value != "true" && !off {
                    return Err(judged(place, "the flag takes no such value"));
                }
                self.note(flag, None, place)
            }
            (Takes::Nothing | Takes::Optional(_), None) => self.note(flag, None, place),
            (Takes::Value(_), None) => self.next_value(flag),
            (_, Some(value)) => self.note(flag, Some(value), place),
        }
    }

    fn cluster(&mut self, word: &'a str, place: usize, before: bool, style: Style) -> Result<(), Obstacle> {
        let digits =
            word.strip_prefix('-').is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()));
        if digits
            && self.find(word, before).is_none()
            && let Some(flag) = self.find("-#", before)
        {
            return self.note(flag, None, place);
        }
        let mut letters = word.chars();
        letters.next();
        while let Some(letter) = letters.next() {
            let name = format!("-{letter}");
            let flag = self.find(&name, before).ok_or(Obstacle::Flag(name))?;
            let rest = letters.as_str();
            let stated = if style == Style::Cobra { rest.strip_prefix('=').unwrap_or(rest) } else { rest };
            match flag.takes {
                Takes::Nothing => self.note(flag, None, place)?,
                Takes::Value(_) if rest.is_empty() => return self.next_value(flag),
                Takes::Optional(_) if rest.is_empty() => return self.note(flag, None, place),
                _ => return self.note(flag, Some(stated), place),
            }
        }
        Ok(())
    }

    /// Takes the next word as a flag's value.
    fn next_value(&mut self, flag: Flag) -> Result<(), Obstacle> {
        let place = self.at;
        let Some(value) = self.words.list.get(place).copied() else {
            return Err(Obstacle::Missing("a flag's value"));
        };
        let number = value.strip_prefix('-').is_none_or(|rest| rest.is_empty() || is_number(rest));
        if !number {
            return Err(judged(place, "a flag's value looks like a flag"));
        }
        self.at = self.at.saturating_add(1);
        self.note(flag, Some(value), place)
    }

    fn find(&self, name: &str, before_verb: bool) -> Option<Flag> {
        let own = || self.program.flag(name);
        if before_verb {
            return own();
        }
        let of_form = self.program.flag_of(&self.form, name);
        if self.program.split && !self.form.verb.is_empty() { of_form } else { of_form.or_else(own) }
    }

    /// Notes what a flag does.
    fn note(&mut self, flag: Flag, value: Option<&'a str>, place: usize) -> Result<(), Obstacle> {
        self.needed |= flag.has("needed");
        self.instead |= flag.has("instead");
        self.draft.deep |= flag.has("deep");
        self.given.push(flag.name);
        if let Some(effect) = flag.effect() {
            self.draft.raise(effect);
        }
        if flag.has("secrets") {
            self.draft.secret();
        }
        let secrets = std::mem::take(&mut self.draft.secrets);
        if let (Takes::Value(kind) | Takes::Optional(kind), Some(value)) = (flag.takes, value) {
            self.value(kind, value, place, false)?;
        }
        if flag.has("target") && !self.draft.secrets {
            let target = value.map_or(flag.name.to_owned(), |value| format!("{}={value}", flag.name));
            self.draft.targets.push(target);
        }
        self.draft.secrets |= secrets;
        Ok(())
    }

    /// Judges a value or an operand; what is refused leaves no trace.
    fn value(&mut self, kind: &str, text: &str, index: usize, operand: bool) -> Result<(), Obstacle> {
        let directory = self.words.directory;
        let place = Place { word: index.saturating_add(1), operand, stop: self.program.stop, directory };
        let before = (self.draft.effect, self.draft.secrets, self.draft.targets.len());
        let judged = values::judge(kind, text, place, &mut self.draft);
        if judged.is_err() {
            (self.draft.effect, self.draft.secrets) = (before.0, before.1);
            self.draft.targets.truncate(before.2);
        }
        judged
    }
}

/// Says whether a text is a number with a unit, such as `5`, `10s`, `1h30m`.
pub(super) fn is_number(text: &str) -> bool {
    text.starts_with(|letter: char| letter.is_ascii_digit())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'%')
}

fn judged(place: usize, problem: &'static str) -> Obstacle {
    Obstacle::Word { word: place.saturating_add(1), problem }
}

fn unexpected(place: usize) -> Obstacle {
    judged(place, "no operand is expected here")
}
