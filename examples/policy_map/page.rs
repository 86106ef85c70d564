//! The page: one self-contained HTML document without scripts.
//!
//! Every text of a policy or a request goes through `escape`. The page forbids itself to load or run anything.

use std::fmt::{Display, Write};

use countersign::{Effect, Explanation, Risk, RuleAccount};

use super::map::{Cell, Coverage, Map};

/// Writes the page.
pub(crate) fn write(map: &Map) -> String {
    let mut page = String::new();
    let title = format!("{}: who may do what", escape(&map.policy));
    let _ = write!(
        page,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n"
    );
    head(&mut page, map);
    matrix(&mut page, map);
    personas(&mut page, map);
    coverage(&mut page, &map.coverage);
    page.push_str("</body>\n</html>\n");
    page
}

fn head(page: &mut String, map: &Map) {
    let _ = write!(
        page,
        "<header>\n<h1>{}</h1>\n<p class=\"soft\">Who may do what, {}, as decided at {}. \
         <span class=\"small mono\">{}</span></p>\n<ul class=\"legend\" aria-label=\"Legend\">\n",
        escape(&map.policy),
        map.columns
            .as_ref()
            .map_or("everywhere".to_owned(), |path| format!("by <code>{}</code>", escape(path))),
        escape(&map.now),
        escape(&map.digest),
    );
    for effect in [Effect::Allow, Effect::Challenge, Effect::Review, Effect::Deny] {
        let (class, glyph, word) = face(effect);
        let _ = writeln!(page, "<li class=\"{class}\">{glyph} {word}: {}</li>", meaning(effect));
    }
    let bars = Risk::ALL.map(|risk| format!("{} {risk}", bars(risk))).join(" &nbsp; ");
    let _ = writeln!(
        page,
        "<li>risk: {bars}</li>\n<li>tests: ✓ is true, ✗ is false, ? has no value</li>\n</ul>\n</header>"
    );
}

fn matrix(page: &mut String, map: &Map) {
    page.push_str("<section aria-labelledby=\"matrix\">\n<h2 id=\"matrix\">Decisions</h2>\n");
    page.push_str("<p class=\"soft small\">Each cell opens to its explanation, by click or by Enter.</p>\n<table>\n<thead>\n<tr><td></td>");
    for place in &map.places {
        let _ =
            write!(page, "<th scope=\"colgroup\" colspan=\"{}\">{}</th>", map.personas.len(), escape(place));
    }
    page.push_str("</tr>\n<tr><th scope=\"col\">action</th>");
    for _ in &map.places {
        for persona in &map.personas {
            let _ = write!(page, "<th scope=\"col\">{}</th>", escape(&persona.name));
        }
    }
    page.push_str("</tr>\n</thead>\n<tbody>\n");
    for row in &map.rows {
        let _ = write!(page, "<tr><th scope=\"row\">{}", escape(&row.action));
        if let Some(what) = &row.what {
            let _ = write!(page, "<span class=\"mono\">{}</span>", escape(what));
        }
        page.push_str("</th>");
        let count = row.cells.len();
        for (index, cell) in row.cells.iter().enumerate() {
            let far = if index * 2 >= count { " class=\"far\"" } else { "" };
            let _ = write!(page, "<td{far}>");
            cell_of(page, cell, &row.basis);
            page.push_str("</td>");
        }
        if row.cells.is_empty() {
            let _ = write!(page, "<td class=\"none\" colspan=\"{}\">no case asks for it</td>", map.width());
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody>\n</table>\n</section>\n");
}

fn cell_of(page: &mut String, cell: &Cell, basis: &str) {
    let decision = cell.explanation.decision();
    let (class, glyph, word) = face(decision.effect());
    let people = cell.explanation.approvals().map(|plan| plan.fewest_people()).max();
    let people = people.map(|people| format!(" {people}")).unwrap_or_default();
    let risk = decision.risk();
    let _ = write!(
        page,
        "<details name=\"cell\"><summary class=\"{class}\"><b>{glyph} {word}{people}</b>\
         <span class=\"risk\"><span class=\"bars\" aria-hidden=\"true\">{}</span> {risk}</span></summary>\
         <div class=\"panel\"><p><b>{word}</b>, {risk} risk{}</p>",
        bars(risk),
        if decision.is_emergency() { ", break-glass" } else { "" },
    );
    explanation(page, &cell.explanation);
    let _ = write!(
        page,
        "<p class=\"soft small\">{} in {}; the rest as in the case “{}”</p></div></details>",
        escape(&cell.persona),
        escape(&cell.place),
        escape(basis)
    );
}

fn explanation(page: &mut String, explanation: &Explanation) {
    let decision = explanation.decision();
    list(page, "Why", decision.reasons().map(prose));
    list(page, "Decided by", explanation.deciding().map(account));
    list(page, "Just missed", explanation.near_misses().map(account));
    list(page, "Missing", decision.missing().map(prose));
    list(page, "Who may approve", explanation.approvals().map(prose));
    list(page, "What would help", explanation.change().map(prose).into_iter());
    list(page, "Or wait", explanation.wait().map(prose).into_iter());
}

/// A sentence, with what stands in back-ticks as code.
fn prose(sentence: impl Display) -> String {
    let safe = escape(&sentence.to_string());
    if safe.matches('`').count() % 2 == 1 {
        return safe;
    }
    let parts = safe.split('`').enumerate();
    parts
        .map(|(index, part)| if index % 2 == 1 { format!("<code>{part}</code>") } else { part.to_owned() })
        .collect()
}

fn account(account: &RuleAccount) -> String {
    let mut text = format!("{} <b>{}</b>", account.kind().as_str(), escape(account.rule()));
    text.push_str("<ul>");
    for test in account.tests() {
        let mark = match test.outcome() {
            "true" => "✓",
            "false" => "✗",
            _ => "?",
        };
        let saw: Vec<String> =
            test.saw().map(|seen| format!("{} is {}", seen.path(), seen.value())).collect();
        let _ = write!(
            text,
            "<li>{mark} <code>{}</code> <span class=\"soft small\">{}{}</span></li>",
            escape(test.test()),
            escape(&saw.join(", ")),
            test.problem().map(|problem| format!(" ({})", escape(problem))).unwrap_or_default(),
        );
    }
    for obstacle in account.obstacles() {
        let _ = write!(text, "<li>✗ {}</li>", prose(obstacle));
    }
    text.push_str("</ul>");
    text
}

fn list(page: &mut String, title: &str, items: impl Iterator<Item = String>) {
    let items: Vec<String> = items.collect();
    if items.is_empty() {
        return;
    }
    let _ = write!(page, "<h3>{title}</h3><ul>");
    for item in items {
        let _ = write!(page, "<li>{item}</li>");
    }
    page.push_str("</ul>");
}

fn personas(page: &mut String, map: &Map) {
    page.push_str("<section aria-labelledby=\"personas\">\n<h2 id=\"personas\">Personas</h2>\n<dl>\n");
    for persona in &map.personas {
        let _ = writeln!(
            page,
            "<dt>{}</dt><dd class=\"mono\">{}</dd>",
            escape(&persona.name),
            escape(&persona.described)
        );
    }
    page.push_str("</dl>\n");
    if map.left_out > 0 {
        let _ = writeln!(
            page,
            "<p class=\"soft small\">{} more rows or personas of the cases are left out.</p>",
            map.left_out
        );
    }
    page.push_str("</section>\n");
}

fn coverage(page: &mut String, coverage: &Coverage) {
    let never = coverage.rules.iter().filter(|rule| rule.cells == 0 && rule.cases == 0).count();
    let _ = write!(
        page,
        "<section aria-labelledby=\"coverage\">\n<h2 id=\"coverage\">Coverage</h2>\n<p>{} of {} rules decide in a cell \
         above or in a case ({} cells, {} cases).{}</p>\n<table class=\"rules\">\n<thead><tr><th scope=\"col\">rule</th>\
         <th scope=\"col\">kind</th><th scope=\"col\" class=\"num\">cells</th><th scope=\"col\" class=\"num\">cases</th></tr></thead>\n<tbody>\n",
        coverage.rules.len() - never,
        coverage.rules.len(),
        coverage.cells,
        coverage.cases,
        if never > 0 { " The others are marked: no case shows what they do." } else { "" },
    );
    for rule in &coverage.rules {
        let mark = if rule.cells == 0 && rule.cases == 0 { (" class=\"never\"", "○ ") } else { ("", "") };
        let _ = writeln!(
            page,
            "<tr{}><th scope=\"row\">{}<code>{}</code></th><td>{}</td><td class=\"num\">{}</td><td class=\"num\">{}</td></tr>",
            mark.0,
            mark.1,
            escape(&rule.id),
            rule.kind,
            rule.cells,
            rule.cases
        );
    }
    page.push_str("</tbody>\n</table>\n</section>\n");
}

/// The class, glyph and word of an effect: it can be told without its colour.
fn face(effect: Effect) -> (&'static str, &'static str, &'static str) {
    match effect {
        Effect::Allow => ("allow", "✓", "allow"),
        Effect::Challenge => ("challenge", "?", "challenge"),
        Effect::Review => ("review", "◐", "review"),
        Effect::Deny => ("deny", "✗", "deny"),
    }
}

fn meaning(effect: Effect) -> &'static str {
    match effect {
        Effect::Allow => "at once",
        Effect::Challenge => "with what is missing",
        Effect::Review => "with so many people’s approval",
        Effect::Deny => "not at all",
    }
}

fn bars(risk: Risk) -> &'static str {
    match risk {
        Risk::Low => "▂",
        Risk::Medium => "▂▄",
        Risk::High => "▂▄▆",
        Risk::Critical => "▂▄▆█",
    }
}

/// Makes text inert, between tags and in quoted attributes.
pub(crate) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

const STYLE: &str = include_str!("style.css");
