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

/// Tokens of a SQL payload. Beyond it nobody reviews what they approve, and the parser's memory grows with it.
pub const SQL_TOKENS: usize = 4_096;

/// Bytes of a name in PostgreSQL, which cuts a longer one without an error (`NAMEDATALEN` less one).
pub const SQL_NAME_BYTES: usize = 63;

/// Depth of brackets, expressions and queries in a SQL payload. The reader recurses on them; a debug build
/// needs less than 6 KiB of stack for each.
pub const SQL_NESTING: usize = 64;
