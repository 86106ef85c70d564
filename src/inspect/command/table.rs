//! The tables: which programs, verbs and flags are known.
//!
//! One text per family, in the notation of `tables/README.md`. It is read anew for each command: only the
//! program's own lines are looked at, nothing is kept, and no state is shared. A line that says nothing
//! known describes nothing, so a slip in a table makes a command unknown; a test reads every line.

use super::facts::CommandEffect;

/// How a program reads its flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// `-abc`, `-nVALUE`, `--name VALUE`, `--name=VALUE`, operands anywhere, `--` ends the flags.
    Gnu,
    /// As above; `-n=VALUE` and `--switch=false` too.
    Cobra,
    /// `-name VALUE`, `--name VALUE`, `-name=VALUE`.
    Single,
    /// The expressions of `find`.
    Find,
}

/// One program.
#[derive(Debug, Clone, Copy)]
pub(super) struct Program {
    pub(super) style: Style,
    /// The program's own flags stand before the verb only, and the verb's own behind it.
    pub(super) split: bool,
    /// Flags end at the first operand.
    pub(super) stop: bool,
    text: &'static str,
}

/// One way to call a program: a verb with the flags and operands that go with it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Form {
    pub(super) verb: &'static str,
    pub(super) effect: CommandEffect,
    pub(super) secrets: bool,
    pub(super) operands: &'static str,
    body: &'static str,
}

/// What a flag means.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flag {
    /// The last of its names, which is the long one.
    pub(super) name: &'static str,
    pub(super) takes: Takes,
    marks: &'static str,
}

/// Whether a flag has a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    Nothing,
    /// In the same word or the next.
    Value(&'static str),
    /// In the same word only.
    Optional(&'static str),
}

impl Program {
    /// Looks a plain name up.
    pub(super) fn find(name: &str) -> Option<Self> {
        let (_, text) = TABLES.iter().find(|(names, _)| names.split(' ').any(|known| known == name))?;
        let blocks = Blocks { rest: text };
        let mut blocks = blocks.skip_while(|block| {
            !block.head.strip_prefix("program ").is_some_and(|head| is_named(head, name))
        });
        let first = blocks.next()?;
        let (style, split, stop) = style(first.head)?;
        let start = text.len().checked_sub(first.from_here)?;
        let end = blocks
            .find(|block| block.head.starts_with("program "))
            .map_or(Some(text.len()), |next| text.len().checked_sub(next.from_here))?;
        Some(Self { style, split, stop, text: text.get(start..end)? })
    }

    /// Lists the ways to call it.
    pub(super) fn forms(&self) -> impl Iterator<Item = Form> {
        Blocks { rest: self.text }.filter_map(|block| {
            let (verb, does) = block.head.strip_prefix("form")?.split_once(':')?;
            let does = does.trim();
            let (effect, rest) = does.split_once(' ').unwrap_or((does, ""));
            let secret = rest.strip_prefix("secrets").map(str::trim_start);
            Some(Form {
                verb: verb.trim(),
                effect: CommandEffect::from_name(effect)?,
                secrets: secret.is_some(),
                operands: secret.unwrap_or(rest),
                body: block.body,
            })
        })
    }

    /// Says whether it can be called to read.
    pub(super) fn reads(&self) -> bool {
        self.forms().any(|form| form.effect == CommandEffect::Read)
    }

    /// Finds a flag that stands before the verb.
    pub(super) fn flag(&self, name: &str) -> Option<Flag> {
        find_flag(Blocks { rest: self.text }.next()?.body, name)
    }

    /// Finds a flag of a form.
    pub(super) fn flag_of(&self, form: &Form, name: &str) -> Option<Flag> {
        find_flag(form.body, name).or_else(|| {
            let mut groups = form.body.lines().filter_map(|line| line.strip_prefix("use "));
            groups.find_map(|group| find_flag(self.group(group)?, name))
        })
    }

    fn group(&self, name: &str) -> Option<&'static str> {
        let mut blocks = Blocks { rest: self.text };
        blocks.find(|block| block.head.strip_prefix("group ") == Some(name)).map(|block| block.body)
    }
}

impl Form {
    /// Lists the flags that must all be given.
    pub(super) fn required(&self) -> impl Iterator<Item = &'static str> {
        self.lines_with("must").filter_map(|line| names(line).last())
    }

    fn lines_with(&self, mark: &'static str) -> impl Iterator<Item = &'static str> {
        self.body
            .lines()
            .filter(move |line| line.starts_with('-') && line.split(' ').any(|word| word == mark))
    }

    /// Says whether one of its flags must be given.
    pub(super) fn needs_a_flag(&self) -> bool {
        self.lines_with("needed").next().is_some()
    }
}

impl Flag {
    /// Says whether the table marks the flag with a word.
    pub(super) fn has(&self, mark: &str) -> bool {
        self.marks.split(' ').any(|known| known == mark)
    }

    /// The effect that the flag alone has.
    pub(super) fn effect(&self) -> Option<CommandEffect> {
        self.marks.split(' ').find_map(CommandEffect::from_name)
    }
}

/// A head line and what stands below it.
#[derive(Debug, Clone, Copy)]
struct Block {
    head: &'static str,
    body: &'static str,
    /// The bytes from the head to the end of the text.
    from_here: usize,
}

#[derive(Debug)]
struct Blocks {
    rest: &'static str,
}

impl Iterator for Blocks {
    type Item = Block;

    fn next(&mut self) -> Option<Block> {
        while !is_head(self.rest) {
            self.rest = self.rest.split_once('\n')?.1;
        }
        let from_here = self.rest.len();
        let (head, below) = self.rest.split_once('\n').unwrap_or((self.rest, ""));
        let mut rest = below;
        while !rest.is_empty() && !is_head(rest) {
            rest = rest.split_once('\n').map_or("", |(_, rest)| rest);
        }
        let body = below.strip_suffix(rest).unwrap_or(below);
        self.rest = rest;
        Some(Block { head, body, from_here })
    }
}

fn is_head(text: &str) -> bool {
    ["form ", "program ", "group "].iter().any(|word| text.starts_with(word))
}

fn is_named(head: &str, name: &str) -> bool {
    head.split(' ').next().is_some_and(|names| names.split('|').any(|known| known == name))
}

fn style(head: &str) -> Option<(Style, bool, bool)> {
    let mut words = head.split(' ').skip(2);
    let style = match words.next()? {
        "gnu" => Style::Gnu,
        "cobra" => Style::Cobra,
        "single" => Style::Single,
        "find" => Style::Find,
        _ => return None,
    };
    let marks: Vec<&str> = words.collect();
    Some((style, marks.contains(&"split"), marks.contains(&"stop")))
}

fn find_flag(body: &'static str, name: &str) -> Option<Flag> {
    let mut lines = body.lines().filter(|line| line.contains(name));
    lines.find_map(|line| read_flag(line, name))
}

/// Reads a line as the flag `name`, if the line describes it.
fn read_flag(line: &'static str, name: &str) -> Option<Flag> {
    let (head, rest) = line.split_once(' ').unwrap_or((line, ""));
    if head == "switches" || head == "values" {
        let name = rest.split(' ').find(|known| *known == name)?;
        let takes = if head == "values" { Takes::Value("TEXT") } else { Takes::Nothing };
        return Some(Flag { name, takes, marks: "" });
    }
    names(line).find(|known| *known == name)?;
    let mut rest = line;
    while rest.starts_with('-') {
        rest = rest.split_once(' ').map_or("", |(_, rest)| rest);
    }
    let (first, marks) = rest.split_once(' ').unwrap_or((rest, ""));
    let optional = first.strip_prefix('[').and_then(|kind| kind.strip_suffix(']'));
    let (takes, marks) = match optional {
        Some(kind) => (Takes::Optional(kind), marks),
        None if first.starts_with(|letter: char| letter == '=' || letter.is_ascii_uppercase()) => {
            (Takes::Value(first), marks)
        }
        None => (Takes::Nothing, rest),
    };
    Some(Flag { name: names(line).last()?, takes, marks })
}

fn names(line: &'static str) -> impl Iterator<Item = &'static str> {
    line.split(' ').take_while(|word| word.starts_with('-'))
}

/// The programs of each table.
const TABLES: &[(&str, &str)] = &[
    ("crictl docker helm kubectl", include_str!("tables/containers.txt")),
    ("mariadb mysql psql redis-cli sqlite3", include_str!("tables/databases.txt")),
    (
        "[ awk b2sum base32 base64 basename bzcat cal cat chage chgrp chmod chown cksum cmp \
         column comm cp csplit cut dd diff dir dirname echo egrep expand false fdisk fgrep \
         file find fmt fold gawk getent grep groupadd gzip hd head hexdump install join jq ln \
         ls mawk md5sum mkdir mkfifo mkfs mktemp mv nl nm objdump od parted passwd paste pr \
         printenv printf pwd readelf readlink realpath rev rm rmdir sed seq sha1sum sha224sum \
         sha256sum sha384sum sha512sum shred size sort split stat strings sum sync tac tail \
         tar tee test touch tr tree true truncate type unexpand uniq unlink unzip useradd \
         userdel usermod vdir visudo wc whereis which wipefs xxd xz xzcat zcat zegrep zfgrep \
         zgrep zstd",
        include_str!("tables/files.txt"),
    ),
    ("git terraform", include_str!("tables/infrastructure.txt")),
    (
        "arp curl dig host ifconfig ip mtr netstat nslookup ping ping6 route ss tracepath \
         traceroute traceroute6 wget",
        include_str!("tables/network.txt"),
    ),
    (
        "arch crontab date df dmesg du findmnt free fuser groups halt hostname hostnamectl id \
         iostat journalctl kill killall last lastlog localectl loginctl logname lsblk lscpu \
         lsmod lsof lspci lsusb mount mpstat nproc pgrep pidof pidstat pkill poweroff ps \
         reboot sar shutdown sleep sysctl systemctl timedatectl top tty umount uname uptime \
         users vmstat w who whoami",
        include_str!("tables/system.txt"),
    ),
    ("gcore gdb gstack ltrace perf pmap pstack strace tcpdump", include_str!("tables/tracing.txt")),
];

#[cfg(test)]
mod tests;
