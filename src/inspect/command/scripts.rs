//! Small languages inside a word: `sed`, `awk`, `jq`, `gdb`, `strace`.
//!
//! Only the shapes that people read logs and stacks with are known; the rest is refused.

/// Says whether a script of sed only prints, deletes from the output or replaces in it.
pub(super) fn sed(text: &str) -> bool {
    !text.is_empty()
        && text.split([';', '\n']).all(|command| command.trim().is_empty() || sed_command(command.trim()))
}

fn sed_command(command: &str) -> bool {
    let Some(rest) = sed_address(command) else { return false };
    let rest = match rest.strip_prefix(',') {
        Some(second) => sed_address(second.strip_prefix('+').unwrap_or(second)),
        None => Some(rest),
    };
    let Some(function) = rest.map(|rest| rest.trim_start_matches([' ', '!'])) else { return false };
    if matches!(function, "p" | "d" | "q" | "Q" | "=" | "l" | "n" | "N" | "P" | "D") {
        return true;
    }
    let Some(replace) = function.strip_prefix('s') else { return false };
    let Some(mark) = replace.chars().next().filter(|mark| "/|#,:@".contains(*mark)) else { return false };
    let parts: Vec<&str> = replace.split(mark).collect();
    let flags = |flags: &str| flags.chars().all(|flag| "gpiI0123456789".contains(flag));
    matches!(parts.as_slice(), ["", _, _, last] if flags(last)) && !replace.contains('\\')
}

/// Skips a line number, `$` or `/pattern/`.
fn sed_address(text: &str) -> Option<&str> {
    if let Some(pattern) = text.strip_prefix('/') {
        let (inside, rest) = pattern.split_once('/')?;
        return (!inside.contains('\\')).then(|| rest.strip_prefix('I').unwrap_or(rest));
    }
    let rest = text.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == '~');
    Some(rest.strip_prefix('$').unwrap_or(rest))
}

/// Says whether a program of awk only computes and prints: no pipe, no redirection, no call that is not known.
pub(super) fn awk(text: &str) -> bool {
    if text.contains(['|', '>', '@', '#', '\\', '`']) || text.contains('<') && text.contains("getline") {
        return false;
    }
    // A slash may open a pattern, in which a quote is no quote; then text inside quotes is looked at too.
    let quotes = !text.contains('/');
    let outside = text.split('"').enumerate().filter(|(index, _)| !quotes || index % 2 == 0);
    outside.map(|(_, part)| part).all(awk_words)
}

fn awk_words(part: &str) -> bool {
    let mut rest = part;
    while let Some(start) = rest.find(|letter: char| letter.is_ascii_alphabetic() || letter == '_') {
        let (_, from) = rest.split_at(start);
        let end =
            from.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').unwrap_or(from.len());
        let (word, behind) = from.split_at(end);
        let called = behind.trim_start().starts_with('(');
        let known = AWK.contains(&word);
        let name =
            word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        let forbidden = ["system", "getline", "close", "fflush", "func", "function"].contains(&word);
        if forbidden || !known && (called || !name) {
            return false;
        }
        rest = behind;
    }
    true
}

/// Says whether a filter of jq reads nothing but its input.
pub(super) fn jq(text: &str) -> bool {
    !["env", "ENV", "import", "include", "input_filename", "$__", "getpath(\"env", "debug", "stderr"]
        .iter()
        .any(|word| text.contains(word))
}

/// Says whether a command of gdb only looks. Printing an expression may call a function of the program.
pub(super) fn gdb(text: &str) -> bool {
    let all = text.strip_prefix("thread apply all ").unwrap_or(text);
    matches!(
        all,
        "bt" | "bt full"
            | "backtrace"
            | "backtrace full"
            | "where"
            | "info threads"
            | "info registers"
            | "info locals"
            | "info args"
            | "info frame"
            | "info proc"
            | "info sharedlibrary"
            | "info signals"
            | "detach"
            | "quit"
            | "set pagination off"
            | "set confirm off"
            | "set width 0"
            | "set height 0"
    )
}

/// Says whether an expression of strace only filters; `inject` and `fault` change what calls return.
pub(super) fn strace(text: &str) -> bool {
    let known = [
        "trace",
        "t",
        "signal",
        "s",
        "status",
        "abbrev",
        "a",
        "verbose",
        "v",
        "raw",
        "x",
        "quiet",
        "q",
        "decode-fds",
    ];
    let set = text.split_once('=').map_or(Some(text), |(name, set)| known.contains(&name).then_some(set));
    set.is_some_and(|set| {
        !set.is_empty() && set.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_,%!?/.".contains(&byte))
    })
}

/// Words of awk that compute, test or print.
const AWK: &[&str] = &[
    "BEGIN",
    "END",
    "FILENAME",
    "FNR",
    "FS",
    "NF",
    "NR",
    "OFMT",
    "OFS",
    "ORS",
    "RLENGTH",
    "RS",
    "RSTART",
    "SUBSEP",
    "IGNORECASE",
    "asort",
    "asorti",
    "break",
    "continue",
    "cos",
    "delete",
    "do",
    "else",
    "exit",
    "exp",
    "for",
    "gensub",
    "gsub",
    "if",
    "in",
    "index",
    "int",
    "length",
    "log",
    "match",
    "next",
    "print",
    "printf",
    "return",
    "sin",
    "split",
    "sprintf",
    "sqrt",
    "strftime",
    "strtonum",
    "sub",
    "substr",
    "systime",
    "tolower",
    "toupper",
    "while",
];
