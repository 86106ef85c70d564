//! Every bound, its default and why it has that value.
//!
//! A bound stands here once. Who refuses something names the bound and what was found.

/// Bytes of an AuthZEN request: far above real ones (median 350 bytes), far below what hurts a parser.
pub const REQUEST_BYTES: usize = 65_536;

/// Bytes of all text that a request carries into the log. A record holds at most 65,535 bytes
/// (DESIGN section 9), and JSON escaping can double ordinary text.
pub const REQUEST_TEXT: usize = 24_576;

/// Nesting of lists and maps in an attribute: deeper data is a document, not an attribute.
pub const VALUE_DEPTH: usize = 8;

/// Elements of all lists and maps in a request together.
pub const VALUE_NODES: usize = 4_096;

/// Bytes of an attribute's name and of an id, such as a subject's or a rule's.
pub const NAME_BYTES: usize = 256;

/// Bytes of a payload: the statement, command or body that will run.
pub const PAYLOAD_BYTES: usize = 16_384;

/// Words of a command, parameters of a statement, headers of a call.
pub const PAYLOAD_PARTS: usize = 256;

/// Bytes of a policy document: ten thousand rules of 400 bytes and room.
pub const POLICY_BYTES: usize = 8_388_608;

/// Bytes of a condition. The longest in real policies have about 1,500; a list of 500 ids needs 16,000.
pub const CONDITION_BYTES: usize = 16_384;

/// Words and signs of a condition: a list of 1,000 short texts and room.
pub const CONDITION_TOKENS: usize = 4_096;

/// Nodes of a condition's syntax tree, and of its program after `[let]` is expanded.
pub const CONDITION_NODES: usize = 4_096;

/// Brackets inside brackets. People lose count at 5; generated conditions were seen with 20. Every level
/// costs the parser about 2 KB of stack in a debug build.
pub const CONDITION_NESTING: usize = 48;

/// Nodes on the longest way down a syntax tree: a chain of 60 `+`, and `[let]` inside `[let]`. Every level
/// costs the checker and the evaluator about 3 KB of stack in a debug build.
pub const CONDITION_HEIGHT: usize = 64;

/// Diagnostics of one condition: nobody reads more.
pub const CONDITION_FAULTS: usize = 32;

/// Steps of one evaluation: about half a millisecond, and ten without optimisation. A test of each of the
/// 4,096 elements that a request can have needs 20,000 to 30,000.
pub const EVALUATION_STEPS: u32 = 40_000;

/// Bytes that one evaluation may build: sixteen times what a request holds.
pub const EVALUATION_BYTES: u32 = 1_048_576;

/// Steps that a condition may need in the worst case that the vocabulary allows: what an evaluation has, so
/// that no condition is cut short by a request within its bounds.
pub const CONDITION_COST: u64 = 40_000;

/// Bytes of a compiled regular expression: most need 10 KB, a Unicode class 100 KB.
pub const REGEX_BYTES: usize = 262_144;

/// Bytes of a regular expression's text.
pub const REGEX_TEXT: usize = 1_024;

/// Unicode classes such as `\w` in a regular expression; an eighth of them where case is ignored. Each takes
/// tenths of a millisecond to build, and milliseconds where case is ignored.
pub const REGEX_CLASSES: usize = 32;
