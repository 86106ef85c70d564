//! Every bound, its default and why it has that value.
//!
//! A bound stands here once. Who refuses something names the bound and what was found.

use std::time::Duration;

/// Bytes of an AuthZEN request: far above real ones (median 350 bytes), far below what hurts a parser.
pub const REQUEST_BYTES: usize = 65_536;

/// Bytes of an AuthZEN body, which may hold many evaluations; each of them is bounded as a request is.
pub const AUTHZEN_BYTES: usize = 1_048_576;

/// Evaluations in one AuthZEN body: a page of a list, each with some buttons.
pub const EVALUATIONS: usize = 256;

/// Results on a page of an AuthZEN search: each took a decision.
pub const SEARCH_RESULTS: usize = 1_000;

/// Bytes of all that a request carries into the log beside its payload, as the record holds them: with a
/// payload at its bound and the decision, they fit into a record of [`RECORD_BYTES`].
pub const REQUEST_TEXT: usize = 24_576;

/// Nesting of lists and maps in an attribute: deeper data is a document, not an attribute.
pub const VALUE_DEPTH: usize = 8;

/// Elements of all lists and maps in a request together.
pub const VALUE_NODES: usize = 4_096;

/// Bytes of an attribute's name and of an id, such as a subject's or a rule's.
pub const NAME_BYTES: usize = 256;

/// Resources of one request: a handful of hosts or services that one approver can still read through.
pub const RESOURCES: usize = 16;

/// People and machines on whose behalf a subject acts: an agent, its parent, and the person behind both.
pub const ACTORS: usize = 4;

/// Bytes of a payload, as a record holds them: the statement, command or body that will run.
pub const PAYLOAD_BYTES: usize = 16_384;

/// Words of a command, parameters of a statement, headers of a call.
pub const PAYLOAD_PARTS: usize = 256;

/// Bytes of a policy document: ten thousand rules of 400 bytes and room.
pub const POLICY_BYTES: usize = 8_388_608;

/// Faults of a policy that are told; the others are counted. Telling one takes a look at all text before it.
pub const POLICY_FAULTS: usize = 1_000;

/// Findings of the linter that are told of each kind; the others are counted. Whoever mends as many looks again.
pub const FINDINGS: usize = 1_000;

/// Rules of a policy, over all its documents.
pub const POLICY_RULES: usize = 100_000;

/// Documents of one policy: the base and its extensions.
pub const POLICY_DOCUMENTS: usize = 1_024;

/// Nesting of lists and tables in a policy document: its deepest table has 12 levels.
pub const POLICY_DEPTH: usize = 32;

/// Bytes of the line that tells people why: a decision may have dozens of them in one record.
pub const BECAUSE_BYTES: usize = 512;

/// Labels of one rule: data for people and their tools.
pub const RULE_LABELS: usize = 16;

/// Obligations of one rule.
pub const RULE_OBLIGATIONS: usize = 8;

/// Bytes of all obligations of a decision, which its record holds beside the request.
pub const OBLIGATION_BYTES: usize = 4_096;

/// Nesting of `all`, `any` and `of` in who must approve (DESIGN section 7).
pub const APPROVE_DEPTH: usize = 5;

/// Leaves of one review, over all its stages.
pub const APPROVE_LEAVES: usize = 16;

/// Bytes of a review's plan, as the record that opens it holds them: beside it stand a few short fields.
pub const PLAN_BYTES: usize = 64_000;

/// Votes of one review.
pub const VOTES: usize = 64;

/// Comments and advisory votes of one review: they count for nothing and must not crowd out what does.
pub const REMARKS: usize = 64;

/// Escalations, and reminders, of one stage.
pub const STAGE_STEPS: usize = 8;

/// Policies under which one review may have been judged: its own and three that were loaded while it waited.
pub const REVIEW_POLICIES: usize = 4;

/// How old what the host attests of an approver may be when the quorum closes, where the policy does not say:
/// people change groups by the day, and whoever is removed in a hurry should not count for long.
pub const APPROVER_AGE: Duration = Duration::from_secs(3600);

/// Seconds that a view of revocations may be old where a withdrawn approval revokes a grant.
pub const REVOCATION_AGE_SECONDS: i64 = 300;

/// Uses of a grant that a withdrawn approval can take: each is a record.
pub const REVOCABLE_USES: u64 = 16;

/// Rules that a decision names because they failed; the others are counted. One fact that nobody knows may
/// fail every rule of a policy, and the decision must fit into a record.
pub const FAILURES_NAMED: usize = 32;

/// Rules of one kind that a decision names of those that raise the risk, forbid or hold; the others are counted. What
/// they oblige to is owed all the same.
pub const RULES_NAMED: usize = 32;

/// Reasons that a decision names of rules that do not decide; the others are counted. Ten thousand zones
/// may refuse one request, each for a reason of its own.
pub const REASONS_NAMED: usize = 32;

/// Bytes that all reasons of a decision may need in its record, beside the request and its facts.
pub const REASON_BYTES: usize = 10_240;

/// Bytes that the ids of the rules that a decision names may need in its record; the last ones decide and stay.
pub const RULE_BYTES: usize = 4_096;

/// Starts as of which one request is decided again: each comes from another rule that puts it off further.
pub const LATER_STARTS: usize = 4;

/// Rules that an explanation tells of as near misses: nobody reads more.
pub const NEAR_MISSES: usize = 5;

/// Tests that an explanation tells of one rule.
pub const TESTS_TOLD: usize = 8;

/// Decisions that one explanation may make in search of a change that helps: three fields with a few values,
/// a sign-in and twenty durations are searched whole.
pub const EXPLAIN_DECISIONS: usize = 1_024;

/// Steps that the search of one explanation may cost, by the static cost of all conditions: two seconds if every
/// condition were as dear as it can be. A decision costs a small part of its bound.
pub const EXPLAIN_STEPS: u64 = 200_000_000;

/// Groups of a comparison of two policies that name their rules: what does not fit is counted together.
pub const DIFF_GROUPS: usize = 1_000;

/// Any count that a policy writes: people, uses, slots.
pub const COUNT: u32 = 10_000;

/// The largest integer that every reader of a record keeps exact (RFC 7493, section 2.2): counts of uses, and
/// the seconds of a duration in an attribute.
pub const RECORD_INTEGER: u64 = (1 << 53) - 1;

/// Any span that a policy writes or a request asks for: a year of 366 days.
pub const LONGEST_SPAN: Duration = Duration::from_secs(366 * 86_400);

/// Bytes of a compiled pattern of the vocabulary.
pub const PATTERN_BYTES: usize = 262_144;
/// Bytes of a key set's text: every key of [`KEY_SET_KEYS`] with its certificates, had it any.
pub const KEY_SET_BYTES: usize = 65_536;

/// Keys of a set: two are in use at once while one replaces the other, the rest is room for several issuers.
pub const KEY_SET_KEYS: usize = 64;

/// Bytes of an audit record: what a `varchar` of most databases and one UDP syslog message can hold.
pub const RECORD_BYTES: usize = 65_535;

/// Nesting of an audit record, its own object counted: an attribute's depth twice over.
pub const RECORD_DEPTH: usize = 16;

/// Members of one object in an audit record: as many as a request's attributes can have.
pub const RECORD_MEMBERS: usize = 4_096;

/// Bytes of a stream's name, which is the origin line of its checkpoints.
pub const STREAM_BYTES: usize = 200;

/// Bytes of a record's key, id, event and review: short enough for a unique index of any database.
pub const KEY_BYTES: usize = 256;

/// Bytes of a ledger's snapshot: 53 hashes of a full tree's edge, and room.
pub const SNAPSHOT_BYTES: usize = 4_095;

/// Bytes of a signed checkpoint: its lines, and signatures of witnesses.
pub const NOTE_BYTES: usize = 65_536;

/// Signatures of a note: its log's and those of witnesses.
pub const NOTE_SIGNATURES: usize = 64;
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

/// Tokens of a SQL payload: beyond it nobody reviews what they approve.
pub const SQL_TOKENS: usize = 4_096;

/// Bytes of a name in PostgreSQL, which cuts a longer one without an error (`NAMEDATALEN` less one).
pub const SQL_NAME_BYTES: usize = 63;

/// Depth of brackets, expressions and queries in a SQL payload. The reader recurses on them; a debug build
/// needs less than 6 KiB of stack for each.
pub const SQL_NESTING: usize = 64;

/// Brackets inside brackets of a GraphQL document: generated queries were seen with 20. They are counted, so
/// the bound is for the servers behind, not for the reader.
pub const GRAPHQL_NESTING: usize = 64;

/// Requests that one payload to a debugger may hold: a session's set-up, not a program.
pub const DEBUG_REQUESTS: usize = 64;

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
/// 4,096 elements that a request can have needs 20,000 to 30,000. A condition that may need more in the worst
/// case that the vocabulary allows is refused at load, so none is cut short by a request within its bounds.
pub const EVALUATION_STEPS: u32 = 40_000;

/// Bytes that one evaluation may build: sixteen times what a request holds.
pub const EVALUATION_BYTES: u32 = 1_048_576;

/// Bytes of a compiled regular expression: most need 10 KB, a Unicode class 100 KB.
pub const REGEX_BYTES: usize = 262_144;

/// Bytes of a regular expression's text.
pub const REGEX_TEXT: usize = 1_024;

/// Unicode classes such as `\w` in a regular expression; an eighth of them where case is ignored. Each takes
/// tenths of a millisecond to build, and milliseconds where case is ignored.
pub const REGEX_CLASSES: usize = 32;
/// Bytes of a revocation list: some six thousand ids, far above the grants that live at once.
pub const REVOCATIONS_BYTES: usize = 262_144;

/// Bytes of a holder's proof: its five claims, the longest audience included.
pub const PROOF_BYTES: usize = 2_048;

/// Seconds that a holder's proof lives: one call and its retries.
pub const PROOF_SECONDS: i64 = 60;

/// Grants in a chain: the root and three hands. Each costs a signature.
pub const CHAIN_GRANTS: usize = 4;

/// Bytes of a proof that a record is in a log: the largest record in base64, 64 hashes and a signed note.
pub const LOG_PROOF_BYTES: usize = 163_840;

/// Bytes of a signed approval: five of them fit the claims of a grant.
pub const APPROVAL_BYTES: usize = 4_096;
