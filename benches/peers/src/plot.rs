//! The plot of `docs/benchmarks.md`: the median decision over the number of rules, both logarithmic.
//!
//! Every line is named where it ends and has a mark and a dash of its own: it reads without colour, on light and dark.

use std::fmt::Write;

use crate::measure::Table;
use crate::report::{thousands, time};

pub fn svg(tables: &[Table]) -> String {
    let medians = || tables.iter().flat_map(|table| table.rows.iter().map(|row| row.p50));
    let low = medians().fold(f64::MAX, f64::min).max(1.0).log10().floor();
    let high = medians().fold(1.0, f64::max).log10().ceil();
    let y = |nanoseconds: f64| BOTTOM - (nanoseconds.max(1.0).log10() - low) / (high - low) * (BOTTOM - TOP);
    let step = (RIGHT - LEFT) / (tables.len().max(2) - 1) as f64;
    let x = |index: usize| LEFT + step * index as f64;

    let mut text = String::from(HEAD);
    for decade in low as i32..=high as i32 {
        let (nanoseconds, at) = (10_f64.powi(decade), y(10_f64.powi(decade)));
        let label = time(nanoseconds).replace(".0", "");
        writeln!(text, "<path class=\"grid\" d=\"M{LEFT} {at:.1}H{RIGHT}\"/>").unwrap();
        writeln!(
            text,
            "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>",
            LEFT - 10.0,
            at + 4.0
        )
        .unwrap();
    }
    for (index, table) in tables.iter().enumerate() {
        let label = thousands(table.rules);
        writeln!(
            text,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{label}</text>",
            x(index),
            BOTTOM + 22.0
        )
        .unwrap();
    }
    let Some(first) = tables.first() else { return text + "</svg>\n" };
    let point = |(index, table): (usize, &Table), name: &str| {
        table.rows.iter().find(|row| row.name == name).map(|row| (x(index), y(row.p50)))
    };
    let line_of = |name: &str| tables.iter().enumerate().filter_map(|table| point(table, name)).collect();
    let lines: Vec<Vec<(f64, f64)>> = first.rows.iter().map(|row| line_of(&row.name)).collect();
    let ends: Vec<f64> = lines.iter().filter_map(|points| Some(points.last()?.1)).collect();
    for ((row, points), label) in first.rows.iter().zip(&lines).zip(places(&ends)) {
        line(&mut text, &row.name, points, label);
    }
    text + "</svg>\n"
}

fn line(text: &mut String, name: &str, points: &[(f64, f64)], label: f64) {
    let class = match name {
        "countersign" => "own",
        _ if name.ends_with("by hand") || name.ends_with("as data") => "by-hand",
        _ => "peer",
    };
    let path: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1} {y:.1}")).collect();
    writeln!(text, "<g class=\"{class}\"><path class=\"line\" d=\"M{}\"/>", path.join("L")).unwrap();
    for (x, y) in points {
        writeln!(text, "<path class=\"mark\" transform=\"translate({x:.1} {y:.1})\" d=\"{}\"/>", mark(name))
            .unwrap();
    }
    if let Some((x, y)) = points.last() {
        let to = RIGHT + 22.0;
        writeln!(text, "<path class=\"leader\" d=\"M{:.1} {y:.1}L{to:.1} {label:.1}\"/>", x + 7.0).unwrap();
        writeln!(text, "<text x=\"{:.1}\" y=\"{:.1}\">{name}</text></g>", to + 4.0, label + 4.0).unwrap();
    }
}

/// A mark for each engine, whichever way its rules are found.
fn mark(name: &str) -> &'static str {
    match name.split([',', ' ']).next() {
        Some("cel") => "M-4-4H4V4H-4Z",
        Some("cedar") => "M0-6L6 0L0 6L-6 0Z",
        Some("regorus") => "M0-5L5 4H-5Z",
        Some("biscuit") => "M0 5L5-4H-5Z",
        Some("native") => "M-5 0H5M0-5V5",
        _ => "M-5 0A5 5 0 1 1 5 0A5 5 0 1 1-5 0Z",
    }
}

/// Where labels go that want to stand at these heights and must not touch.
fn places(wanted: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|one, other| wanted[*one].total_cmp(&wanted[*other]));
    let (mut places, mut least) = (wanted.to_vec(), TOP);
    for index in &order {
        places[*index] = wanted[*index].max(least);
        least = places[*index] + APART;
    }
    let mut most = BOTTOM;
    for index in order.iter().rev() {
        places[*index] = places[*index].min(most);
        most = places[*index] - APART;
    }
    places
}

const LEFT: f64 = 70.0;
const RIGHT: f64 = 570.0;
const TOP: f64 = 60.0;
const BOTTOM: f64 = 470.0;
/// Between two labels.
const APART: f64 = 17.0;

const HEAD: &str = r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 800 520" role="img" aria-labelledby="title">
<title id="title">Median time of a decision, by number of rules</title>
<style>
svg { font: 13px system-ui, sans-serif; background: #fff; color: #1b1f24 }
text { fill: currentColor } .head { font-size: 16px; font-weight: 600 }
.line, .leader, .grid { fill: none; stroke: currentColor }
.grid { stroke-opacity: .18 } .leader { stroke-opacity: .45 }
.mark { fill: #fff; stroke: currentColor; stroke-width: 1.5 }
.line { stroke-width: 1.5 } .peer { color: #57606a } .by-hand { color: #57606a } .by-hand .line { stroke-dasharray: 6 4 }
.own { color: #0550ae } .own .line { stroke-width: 3.5 } .own .mark { fill: currentColor } .own text { font-weight: 700 }
@media (prefers-color-scheme: dark) {
svg { background: #0d1117; color: #e6edf3 } .mark { fill: #0d1117 }
.peer, .by-hand { color: #9ea7b3 } .own { color: #79c0ff }
}
</style>
<rect width="800" height="520" fill="none"/>
<text class="head" x="20" y="28">Median time of a decision</text>
<text x="320" y="512" text-anchor="middle">rules in the policy</text>
"##;
