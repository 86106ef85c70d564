//! One self-contained page that draws what happened.
//!
//! Everything that a script, a request or a person says is escaped; the page loads nothing and runs nothing.

use std::fmt::Write;

use serde_json::Value;

use crate::script::Script;

/// Draws the lines that were told.
pub(crate) fn page(script: &Script, lines: &[Value]) -> String {
    let title = if script.name.is_empty() { "Review" } else { &script.name };
    let mut page = String::from(HEAD);
    let _ = write!(page, "<title>{0}</title></head><body><h1>{0}</h1>", escape(title));
    let asked = format!(
        "{} asks for {} on {}",
        short(&script.request["subject"]["id"]),
        short(&script.request["action"]["name"]),
        short(&script.request["resource"]["id"]),
    );
    let _ = write!(page, "<p class=asked>{}</p><ol>", escape(&asked));
    for line in lines {
        item(&mut page, line);
    }
    page.push_str("</ol></body></html>\n");
    page
}

fn item(page: &mut String, line: &Value) {
    let class = match (line["error"].as_str(), line["outcome"].as_str(), line["state"].as_str()) {
        (Some(_), ..) => "refused",
        (_, Some("allow"), _) => "allow",
        (_, Some("deny"), _) => "deny",
        (.., Some("scheduled")) => "scheduled",
        _ => "open",
    };
    let _ = write!(page, "<li class={class}><time>{}</time><div><b>", escape(&short(&line["at"])));
    let mut words = vec![short(&line["event"])];
    if let Some(vote) = line["vote"].as_str() {
        words = vec![short(&line["by"]), vote.to_owned()];
        if let Some(delegator) = line["for"].as_str() {
            words.push(format!("for {delegator}"));
        }
    } else if let Some(by) = line["by"].as_str() {
        words.push(format!("by {by}"));
    }
    let _ = write!(page, "{}</b>", escape(&words.join(" ")));
    for name in ["error", "outcome", "state"] {
        if let Some(value) = line[name].as_str() {
            let _ = write!(page, " <span class=tag>{}</span>", escape(value));
        }
    }
    for (name, label) in [("comment", "“"), ("because", "")] {
        if let Some(text) = line[name].as_str() {
            let _ = write!(page, "<p>{label}{}</p>", escape(text));
        }
    }
    for news in line["news"].as_array().into_iter().flatten() {
        let text = format!("{} {} {}", short(&news["news"]), short(&news["rule"]), short(&news["stage"]));
        let _ = write!(page, "<p class=news>{}</p>", escape(&text));
    }
    for seat in line["missing"].as_array().into_iter().flatten() {
        let (found, count) = (seat["found"].as_u64().unwrap_or(0), seat["count"].as_u64().unwrap_or(0));
        let label = format!("{found} of {count}: {}", short(&seat["from"]));
        let _ =
            write!(page, "<p class=seat><meter max={count} value={found}></meter> {}</p>", escape(&label));
    }
    if let Some(at) = line["next_wakeup"].as_str() {
        let _ = write!(page, "<p class=next>next: {}</p>", escape(at));
    }
    page.push_str("</div></li>");
}

fn short(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// Writes text so that no browser takes any of it for markup, in an element or in a quoted attribute.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // What hides or reorders text is shown as what it is.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}'..='\u{200f}' | '\u{feff}' => {
                let _ = write!(escaped, "[U+{:04X}]", u32::from(letter));
            }
            control if control.is_control() && control != '\n' => {
                let _ = write!(escaped, "[U+{:04X}]", u32::from(control));
            }
            other => escaped.push(other),
        }
    }
    escaped
}

const HEAD: &str = "<!doctype html><html lang=en><head><meta charset=utf-8>\
<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; style-src 'unsafe-inline'\">\
<meta name=viewport content=\"width=device-width\"><style>\
body{font:15px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem;color:#222}\
h1{font-size:1.4rem}ol{list-style:none;padding:0;border-left:3px solid #ccc}\
li{position:relative;display:flex;gap:1rem;padding:.5rem 0 .5rem 1.25rem}\
li::before{content:'';position:absolute;left:-8px;top:.95rem;width:.8rem;height:.8rem;border-radius:50%;background:#88a}\
li.allow::before{background:#2a8f3c}li.deny::before,li.refused::before{background:#b3261e}\
li.scheduled::before{background:#b8860b}time{flex:0 0 12.5rem;color:#666;font-variant-numeric:tabular-nums}\
p{margin:.15rem 0;color:#444}.tag{font-size:.8rem;background:#eee;border-radius:.3rem;padding:.1rem .4rem}\
.news{color:#555;font-style:italic}.next{color:#888}meter{width:6rem}</style>";
