//! The keys of a document, for editors.
//!
//! One table says which keys each part of a document has and what they take; the JSON Schema is made of it.
//! The reader is the judge: a test holds the table to the keys that it answers with.

use serde_json::{Map, Value as Json, json};

use super::Policy;
use crate::limits;

/// One key: its name, what it takes, and what it means.
type Key = (&'static str, Takes, &'static str);

/// One part of a document: its name, the keys that it must have, and all its keys.
type PartKeys = (&'static str, &'static [&'static str], &'static [&'static [Key]]);

/// What a key takes.
#[derive(Clone, Copy)]
enum Takes {
    Text,
    Condition,
    Flag,
    Count,
    Span,
    Id,
    One(&'static [&'static str]),
    Texts,
    Some(&'static [&'static str]),
    Part(&'static str),
    Parts(&'static str),
    PartOrParts(&'static str),
    /// A text, or a part.
    TextOr(&'static str),
    /// Texts or parts.
    TextsOr(&'static str),
    /// Names of the author's, and what each takes.
    Names(&'static Takes),
    TextOrTexts,
    /// The name of somebody, or somebody in full.
    Person,
    People,
    Format,
    Anything,
}

use Takes::{
    Anything, Condition, Count, Flag, Format, Id, Names, One, Part, PartOrParts, Parts, People, Person,
    Some as SomeOf, Span, Text, TextOr, TextOrTexts, Texts, TextsOr,
};

impl Policy {
    /// Returns a JSON Schema (draft 2020-12) of policy documents, from which editors complete keys. It is the
    /// same for JSON and TOML, and says less than [`Policy::from_json`] checks. `policies/schema.json` is its
    /// text.
    ///
    /// ```
    /// let schema = countersign::Policy::json_schema();
    /// assert_eq!(schema["properties"]["zone"]["items"]["$ref"], "#/$defs/zone");
    /// ```
    #[must_use]
    pub fn json_schema() -> Json {
        let mut schema = Map::new();
        schema.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
        schema.insert("title".to_owned(), json!("Countersign policy document, format 1"));
        let mut parts = Map::new();
        for (name, needed, keys) in PARTS {
            let part = object(needed, keys);
            if *name == "document" {
                schema.extend(part)
            } else {
                parts.insert((*name).to_owned(), part.into());
            }
        }
        schema.insert("$defs".to_owned(), parts.into());
        schema.into()
    }
}

fn object(needed: &[&str], keys: &[&[Key]]) -> Map<String, Json> {
    let keys = keys.iter().copied().flatten();
    let properties: Map<String, Json> = keys
        .map(|(name, takes, about)| {
            let mut value = takes.schema();
            if let Json::Object(members) = &mut value {
                members.insert("description".to_owned(), json!(about));
            }
            ((*name).to_owned(), value)
        })
        .collect();
    let mut object = Map::new();
    object.insert("type".to_owned(), json!("object"));
    object.insert("additionalProperties".to_owned(), json!(false));
    if !needed.is_empty() {
        object.insert("required".to_owned(), json!(needed));
    }
    object.insert("properties".to_owned(), properties.into());
    object
}

impl Takes {
    fn schema(self) -> Json {
        let part = |name| json!({ "$ref": format!("#/$defs/{name}") });
        match self {
            Text | Condition => json!({ "type": "string" }),
            Flag => json!({ "type": "boolean" }),
            Count => json!({ "type": "integer", "minimum": 1, "maximum": limits::COUNT }),
            Span => {
                json!({ "type": "string", "pattern": "^([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?$", "minLength": 2 })
            }
            Id => json!({ "type": "string", "pattern": "^[A-Za-z0-9_./:-]{1,256}$" }),
            One(names) => json!({ "enum": names }),
            Texts => json!({ "type": "array", "items": { "type": "string" } }),
            SomeOf(names) => json!({ "type": "array", "items": { "enum": names } }),
            Part(name) => part(name),
            Parts(name) => json!({ "type": "array", "items": part(name) }),
            PartOrParts(name) => json!({ "anyOf": [part(name), { "type": "array", "items": part(name) }] }),
            TextOr(name) => json!({ "anyOf": [{ "type": "string" }, part(name)] }),
            TextsOr(name) => {
                json!({ "type": "array", "items": { "anyOf": [{ "type": "string" }, part(name)] } })
            }
            TextOrTexts => json!({ "anyOf": [Text.schema(), Texts.schema()] }),
            Person => json!({ "anyOf": [Text.schema(), Anything.schema()] }),
            People => json!({ "type": "array", "items": Person.schema() }),
            Names(takes) => json!({ "type": "object", "additionalProperties": takes.schema() }),
            Format => json!({ "const": 1 }),
            Anything => json!({ "type": "object" }),
        }
    }
}

const LEVELS: &[&str] = &["low", "medium", "high", "critical"];

/// What every rule but a review has.
const RULE: &[Key] = &[
    ("id", Id, "unique over all rules"),
    ("when", Condition, "the condition under which it matches"),
    ("within", PartOrParts("window"), "the window in which it can match"),
    ("because", Text, "what people are told"),
    ("labels", Names(&Text), "data for people and tools"),
    ("obligations", TextsOr("obligation"), "what the host must do beside it"),
    ("replaceable", Flag, "an extension may replace it"),
    ("in", Id, "the scope of the base that an extension's rule stands in"),
];

/// What a stage has, and a review with one alone.
const ASKING: &[Key] = &[
    ("approve", Part("approve"), "who must approve"),
    ("escalate", PartOrParts("escalate"), "whom time adds"),
    ("fallback", Part("approve"), "who approves instead when no candidate can"),
    ("skip_after", Span, "when the stage is passed over"),
    ("remind", Texts, "when approvers are reminded, such as `30m`"),
];

/// The parts of a document: name, required keys, keys.
const PARTS: &[PartKeys] = &[
    (
        "document",
        &["format", "name"],
        &[&[
            ("$schema", Text, "where an editor finds this schema"),
            ("format", Format, "the format of the document"),
            ("name", Id, "the name of the policy"),
            ("extends", Id, "the base that this document adds to"),
            ("attributes", Names(&TextOr("attribute")), "the vocabulary"),
            ("actions", Names(&Part("action")), "the actions that exist"),
            ("let", Names(&Condition), "named conditions"),
            ("groups", Names(&One(&["all", "any", "one"])), "how the reviews of a group go together"),
            ("defaults", Part("defaults"), "where a rule says nothing"),
            ("risk", Parts("risk"), "how bad it can be"),
            ("forbid", Parts("forbid"), "never"),
            ("hold", Parts("hold"), "not by itself"),
            ("zone", Parts("zone"), "at once"),
            ("review", Parts("review"), "with people"),
            ("emergency", Parts("emergency"), "break-glass"),
            ("open", Parts("open"), "where extensions may add rules that let something happen"),
            ("people", Names(&Anything), "who asks and votes in cases"),
            ("requests", Names(&Part("asked")), "what cases ask"),
            ("case", Parts("case"), "tests"),
            ("lint", Parts("lint"), "findings that are allowed"),
        ]],
    ),
    (
        "attribute",
        &["type"],
        &[&[
            ("type", Text, "such as `string` or `list<string>?`"),
            ("one_of", Texts, "the texts it can have"),
            ("source", One(&["caller", "attested"]), "who vouches for it"),
            ("matches", Text, "a pattern of the text"),
            ("because", Text, "what to tell somebody who left it out"),
            ("personal", Flag, "whether records only commit to it"),
        ]],
    ),
    (
        "action",
        &[],
        &[&[
            ("payload", One(PAYLOADS), "what the action must carry"),
            ("dialect", One(&["postgresql", "mysql", "sqlite", "generic"]), "the dialect of its SQL"),
            ("personal", Flag, "whether records only commit to the payload"),
        ]],
    ),
    (
        "defaults",
        &[],
        &[&[
            ("risk", One(LEVELS), "of what no risk rule matches"),
            ("grant", Part("grant"), "bounds of grants"),
            ("review", Part("defaults.review"), "of reviews"),
        ]],
    ),
    (
        "defaults.review",
        &[],
        &[&[
            ("expires", Span, "how long a review stays open"),
            ("refresh", Span, "how old what the host attests of an approver may be at the close"),
            ("nobody", One(&["deny"]), "where nobody can approve"),
        ]],
    ),
    ("risk", &["id", "when", "level"], &[RULE, &[("level", One(LEVELS), "the risk of what matches")]]),
    ("forbid", &["id", "when"], &[RULE]),
    ("hold", &["id", "when"], &[RULE]),
    (
        "zone",
        &["id", "when", "max_risk"],
        &[
            RULE,
            &[
                ("max_risk", One(LEVELS), "the highest risk that it lets in"),
                ("needs", Part("needs"), "what the request must bring"),
                ("limit", Part("limit"), "how often"),
                ("grant", Part("grant"), "bounds of the grant"),
            ],
        ],
    ),
    (
        "emergency",
        &["id", "when", "review_within"],
        &[
            RULE,
            &[
                ("limit", Part("limit"), "how often"),
                ("grant", Part("grant"), "bounds of the grant"),
                ("review_within", Span, "when the review afterwards is due"),
            ],
        ],
    ),
    (
        "review",
        &["id"],
        &[
            ASKING,
            &[
                ("otherwise", Flag, "applies when no other review of its group matched"),
                ("id", Id, "unique over all rules"),
                ("when", Condition, "the condition under which it matches"),
                ("because", Text, "what people are told"),
                ("labels", Names(&Text), "data for people and tools"),
                ("obligations", TextsOr("obligation"), "what the host must do beside it"),
                ("replaceable", Flag, "an extension may replace it"),
                ("in", Id, "the scope of the base that an extension's rule stands in"),
                ("group", Id, "the group it belongs to"),
                ("allow_self", Flag, "whether requesters may approve their own request"),
                ("needs", Part("needs"), "what the request must bring"),
                ("separate", Flag, "whether its people count in no other review"),
                ("exclude", Condition, "the condition of whoever never counts"),
                ("stage", Parts("stage"), "stages in order"),
                ("veto", PartOrParts("veto"), "whose rejection ends or blocks it"),
                ("may", SomeOf(&["shorten", "start_later", "narrow"]), "what a vote may change"),
                ("refresh", Span, "how old what the host attests of an approver may be at the close"),
                ("within", PartOrParts("window"), "when its approvers may vote"),
                ("on_withdraw", One(&["keep", "revoke"]), "what a withdrawal after the approval does"),
                ("grant", Part("grant"), "bounds of the grant"),
                ("expires", Span, "how long it stays open"),
            ],
        ],
    ),
    ("stage", &["id", "approve"], &[ASKING, &[("id", Id, "its name")]]),
    (
        "approve",
        &[],
        &[&[
            ("all", Parts("approve"), "every part"),
            ("any", Parts("approve"), "one of the parts"),
            ("of", Parts("approve"), "`at_least` of the parts"),
            ("at_least", Count, "how many of the parts"),
            ("count", Count, "how many people"),
            ("from", Condition, "the condition that an approver meets"),
            ("comment", Flag, "whether they must say something"),
            ("auth", Part("auth"), "how and how lately they signed in when they vote"),
            ("fresh", Span, "how old an approval may be when it counts"),
            ("within", PartOrParts("window"), "when they may vote"),
        ]],
    ),
    (
        "escalate",
        &["after", "add"],
        &[&[
            ("after", Span, "since the stage began"),
            ("add", Condition, "the condition that the added approvers meet"),
        ]],
    ),
    (
        "veto",
        &["from"],
        &[&[
            ("count", Count, "how many people"),
            ("from", Condition, "the condition that a rejecting approver meets"),
            ("final", Flag, "whether it ends the review, or blocks it until withdrawn"),
        ]],
    ),
    (
        "needs",
        &[],
        &[&[
            ("fields", TextsOr("field"), "what must be there"),
            ("auth", Part("auth"), "how and how lately the subject signed in"),
        ]],
    ),
    (
        "field",
        &["path"],
        &[&[
            ("path", Text, "such as `context.ticket`"),
            ("matches", Text, "a pattern of the text"),
            ("min", Count, "the fewest characters or elements"),
            ("max", Count, "the most characters or elements"),
            ("because", Text, "what to tell somebody who left it out"),
        ]],
    ),
    (
        "auth",
        &[],
        &[&[
            ("amr", Texts, "by one of these methods"),
            ("acr", Texts, "in one of these classes"),
            ("within", Span, "no longer ago than this"),
        ]],
    ),
    (
        "limit",
        &["count", "per"],
        &[&[
            ("count", Count, "how many uses"),
            ("per", Span, "the length of a window"),
            ("by", One(&["subject", "resource", "rule"]), "whose uses count together"),
        ]],
    ),
    (
        "grant",
        &[],
        &[&[
            ("min", Span, "asking for less is refused"),
            ("default", Span, "when the request asks for no time"),
            ("max", Span, "asking for more is refused, or cut"),
            ("use_within", Span, "the first use comes within this time"),
            ("start_later", Span, "how much later a request may ask to start"),
            ("not_before", Condition, "gives the earliest start"),
            ("until", Condition, "gives the latest end"),
            ("over", One(&["refuse", "cap"]), "what happens above `max`"),
            ("single_use", Flag, "works once"),
            ("max_uses", Count, "works this often"),
            ("extend", Part("extend"), "how people may let it hold for longer; of a review"),
        ]],
    ),
    (
        "extend",
        &["max"],
        &[&[
            ("max", Span, "how much longer one extension lets it hold"),
            ("times", Count, "how often it can be extended"),
        ]],
    ),
    (
        "window",
        &[],
        &[&[
            ("days", Texts, "such as `mon-fri`"),
            ("from", Text, "when it opens, `HH:MM`"),
            ("to", Text, "when it is closed again, `HH:MM`"),
            ("tz", Text, "such as `Europe/Berlin`"),
        ]],
    ),
    (
        "obligation",
        &[],
        &[&[
            ("notify", Text, "tell a person, a group or a channel"),
            ("mask", Texts, "hide these fields"),
            ("custom", Part("custom"), "what only the host knows"),
        ]],
    ),
    (
        "custom",
        &["name"],
        &[&[("name", Id, "the kind that the host fulfils"), ("value", Text, "what the host needs to know")]],
    ),
    (
        "open",
        &["id", "when", "may", "max_risk"],
        &[&[
            ("id", Id, "what `in` names"),
            ("when", Condition, "holds of every rule in the scope"),
            ("max_risk", One(LEVELS), "the ceiling of every rule in the scope"),
            ("may", SomeOf(&["zone", "review", "emergency"]), "what extensions may add"),
            ("because", Text, "why, for readers"),
        ]],
    ),
    (
        "case",
        &["name", "expect"],
        &[&[
            ("name", Text, "what the case shows"),
            ("request", Part("asked"), "the AuthZEN request to decide"),
            ("base", Text, "the request of `[requests]` that this one differs from"),
            ("with", Anything, "what differs: paths and values"),
            ("without", Texts, "paths to leave out"),
            ("usage", Anything, "what has been used up"),
            ("now", Text, "the time of the decision"),
            ("votes", Parts("step"), "steps on the review"),
            ("candidates", People, "who could be asked"),
            ("expect", Part("expect"), "what the decision must be"),
        ]],
    ),
    (
        "asked",
        &[],
        &[&[
            ("subject", Person, "who asks"),
            ("action", Part("asked_action"), "for what"),
            ("resource", Part("asked_resource"), "on what"),
            ("resources", Parts("asked_resource"), "on what, of several at once"),
            ("context", Anything, "what else is said, and how it is asked"),
        ]],
    ),
    (
        "asked_action",
        &[],
        &[&[
            ("name", Text, "its name"),
            ("properties", Anything, "its attributes"),
            ("payload", Anything, "the exact thing to run"),
        ]],
    ),
    (
        "asked_resource",
        &[],
        &[&[("type", Text, "its type"), ("id", Text, "its id"), ("properties", Anything, "its attributes")]],
    ),
    (
        "step",
        &[],
        &[&[
            ("approve", Person, "who approves"),
            ("force", Person, "who approves by force"),
            ("reject", Person, "who rejects"),
            ("withdraw", Person, "who takes a vote back"),
            ("retract", Person, "who takes the request back"),
            ("wake", Flag, "nobody votes, the host wakes the review"),
            ("for", Person, "whom the voter acts for"),
            ("kind", One(&["automatic", "advisory"]), "who judged, where it was no person"),
            ("signed", Flag, "the voter signs it with their own key"),
            ("auth", Part("signed_in"), "how and when the voter signed in"),
            ("at", Text, "when"),
            ("after", Span, "how long after `now`"),
            ("comment", Text, "what the voter writes"),
            ("at_most", Span, "how long the voter allows"),
            ("not_before", Text, "when the voter lets it start"),
            ("narrow", Anything, "constraints that the voter adds"),
            ("people", Names(&Anything), "who is known otherwise from now on"),
            ("expect", One(AFTER), "what comes of it"),
            ("says", Text, "words of the refusal"),
        ]],
    ),
    (
        "signed_in",
        &[],
        &[&[
            ("amr", Texts, "by these methods"),
            ("acr", Text, "in this class"),
            ("time", Text, "when"),
            ("ago", Span, "how long before the vote"),
        ]],
    ),
    (
        "expect",
        &[],
        &[&[
            ("rules", Texts, "the rules that it names"),
            ("missing", Texts, "the paths that are missing"),
            ("reasons", Texts, "the codes of its reasons"),
            ("effect", One(&["allow", "challenge", "review", "deny"]), "the effect"),
            ("risk", One(LEVELS), "the risk"),
            ("state", One(STATES), "how far the review is"),
            ("approvers", Texts, "who of the candidates can approve"),
            ("grant", TextOr("granted"), "the bounds of the grant, or `none`"),
        ]],
    ),
    (
        "granted",
        &[],
        &[&[
            ("lasts", Span, "how long it holds"),
            ("ends", Text, "when it ends"),
            ("single_use", Flag, "it works once"),
            ("max_uses", Count, "how often it works"),
            ("use_within", Span, "when the first use must come"),
        ]],
    ),
    (
        "lint",
        &["allow", "of", "because"],
        &[&[
            ("allow", TextOrTexts, "the codes of the findings"),
            ("of", Text, "the rule, attribute, name or case that is found"),
            ("because", Text, "why it is so"),
        ]],
    ),
];

/// How far a review is, in cases.
const STATES: &[&str] = &["open", "scheduled", "approved", "rejected", "expired", "withdrawn", "revoked"];

/// What comes of a step.
const AFTER: &[&str] =
    &["open", "scheduled", "approved", "rejected", "expired", "withdrawn", "revoked", "refused"];

const PAYLOADS: &[&str] = &["sql", "argv", "http", "flag", "debug", "text"];

#[cfg(test)]
#[cfg(feature = "toml")]
mod tests;
