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

/// Bytes of a key set's text: every key of [`KEY_SET_KEYS`] with its certificates, had it any.
pub const KEY_SET_BYTES: usize = 65_536;

/// Keys of a set: two are in use at once while one replaces the other, the rest is room for several issuers.
pub const KEY_SET_KEYS: usize = 64;

/// Bytes of a grant's token: what one header line of common servers takes.
pub const TOKEN_BYTES: usize = 8_192;

/// Bytes of a token's decoded header: its three parameters need 90.
pub const TOKEN_HEADER_BYTES: usize = 512;

/// Nesting of a token's JSON: the profile's own claims need 3, the rest is room for `ext`.
pub const TOKEN_DEPTH: usize = 8;

/// Members of one object in a token. Each is compared with those before it.
pub const TOKEN_MEMBERS: usize = 64;

/// Bytes of a grant's claims before the log reference (650 bytes at most) is added: with header and signature
/// they fit [`TOKEN_BYTES`].
pub const CLAIMS_BYTES: usize = 5_200;

/// Bytes of a text claim: a tenant, a type and an id of [`NAME_BYTES`] each, percent-encoded.
pub const CLAIM_TEXT_BYTES: usize = 2_048;

/// Uses of a counted grant. Each is one key that a store may be asked for.
pub const GRANT_USES: i64 = 1_000;

/// Seconds from issue to end that a verifier accepts unless it is told otherwise: a working shift.
pub const GRANT_LIFETIME_SECONDS: i64 = 28_800;

/// Seconds that a verifier's clock may be off at most.
pub const LEEWAY_SECONDS: i64 = 60;
