//! What a method promises.
//!
//! The table is the registry of HTTP methods (IANA, "Hypertext Transfer Protocol (HTTP) Method Registry";
//! RFC 9110, sections 9.2.1 and 9.2.2), without `CONNECT` and `PRI`, which open connections and call nothing.

/// What the registry says of a method.
#[derive(Debug, Clone, Copy)]
pub(super) struct Method {
    pub(super) safe: bool,
    pub(super) idempotent: bool,
    /// Whether a request with this method is defined to have a body.
    pub(super) has_body: bool,
}

impl Method {
    /// Looks up a method; methods are case-sensitive (RFC 9110, section 9.1).
    pub(super) fn find(name: &str) -> Option<Self> {
        let has = |list: &[&str]| list.contains(&name);
        let method = |safe, idempotent, has_body| Some(Self { safe, idempotent, has_body });
        match () {
            () if has(&SAFE) => method(true, true, false),
            () if has(&SAFE_WITH_BODY) => method(true, true, true),
            () if has(&IDEMPOTENT) => method(false, true, true),
            () if has(&OTHERS) => method(false, false, true),
            () => None,
        }
    }
}

const SAFE: [&str; 4] = ["GET", "HEAD", "OPTIONS", "TRACE"];

/// RFC 4918, RFC 3253 and RFC 5323: their bodies say what to look up.
const SAFE_WITH_BODY: [&str; 3] = ["PROPFIND", "REPORT", "SEARCH"];

const IDEMPOTENT: [&str; 27] = [
    "ACL",
    "BASELINE-CONTROL",
    "BIND",
    "CHECKIN",
    "CHECKOUT",
    "COPY",
    "DELETE",
    "LABEL",
    "LINK",
    "MERGE",
    "MKACTIVITY",
    "MKCALENDAR",
    "MKCOL",
    "MKREDIRECTREF",
    "MKWORKSPACE",
    "MOVE",
    "ORDERPATCH",
    "PROPPATCH",
    "PUT",
    "REBIND",
    "UNBIND",
    "UNCHECKOUT",
    "UNLINK",
    "UNLOCK",
    "UPDATE",
    "UPDATEREDIRECTREF",
    "VERSION-CONTROL",
];

const OTHERS: [&str; 3] = ["LOCK", "PATCH", "POST"];
