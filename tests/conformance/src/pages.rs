//! `pages REPORT DOCS`: writes what the conformance suite saw, with each runtime in turn, into the pages
//! `conformance.md` and `compatibility.md` of a folder, between the marks there.

use serde_json::Value;
use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [report, docs] = arguments.as_slice() else { return Err("usage: pages REPORT DOCS".into()) };
    let text = fs::read_to_string(report)?;
    let lines: Vec<Value> = text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let runtimes = in_order(lines.iter().map(|line| word(line, "runtime")));
    let docs = Path::new(docs);
    between(&docs.join("conformance.md"), "rows", &rows(&lines, &runtimes))?;
    between(&docs.join("compatibility.md"), "choices", &choices(&lines, &runtimes))
}

fn word<'v>(line: &'v Value, key: &str) -> &'v str {
    line[key].as_str().unwrap_or_default()
}

/// Each once, in the order of their first appearance.
fn in_order<'v>(all: impl Iterator<Item = &'v str>) -> Vec<&'v str> {
    let mut found = Vec::new();
    for one in all {
        if !found.contains(&one) {
            found.push(one);
        }
    }
    found
}

/// The lines of a row or a choice by runtime.
type ByRuntime<'v> = BTreeMap<&'v str, &'v Value>;

/// What was seen of each thing that `key` names, sorted by section and name.
fn grouped<'v>(lines: &'v [Value], key: &str) -> BTreeMap<(&'v str, &'v str), ByRuntime<'v>> {
    let mut groups: BTreeMap<_, ByRuntime<'v>> = BTreeMap::new();
    for line in lines.iter().filter(|line| line.get(key).is_some()) {
        groups.entry((word(line, "section"), word(line, key))).or_default().insert(word(line, "runtime"), line);
    }
    groups
}

fn rows(lines: &[Value], runtimes: &[&str]) -> String {
    let groups = grouped(lines, "name");
    let mut page = sums(&groups, runtimes);
    for section in in_order(groups.keys().map(|(section, _)| *section)) {
        page += &format!("\n### {section}\n\n{}", head(&[&["rule"], runtimes].concat()));
        for (_, seen) in groups.range((section, "")..).take_while(|((of, _), _)| *of == section) {
            let rule = seen.values().next().map(|line| word(line, "rule")).unwrap_or_default();
            page += &format!("| {rule} |");
            for runtime in runtimes {
                page += &format!(" {} |", seen.get(runtime).map_or_else(|| "-".to_owned(), |line| verdict(line)));
            }
            page.push('\n');
        }
    }
    page
}

/// How many rows came out how, with each runtime.
fn sums(groups: &BTreeMap<(&str, &str), ByRuntime<'_>>, runtimes: &[&str]) -> String {
    let words = ["yes", "no", "skipped"];
    let mut page = head(&["", "holds", "does not hold", "not to be seen here"]);
    for runtime in runtimes {
        let seen = || groups.values().filter_map(|seen| seen.get(runtime));
        let counts = words.map(|wanted| seen().filter(|line| word(line, "verdict") == wanted).count().to_string());
        page += &format!("| {runtime} | {} |\n", counts.join(" | "));
    }
    page
}

fn verdict(line: &Value) -> String {
    match (word(line, "verdict"), word(line, "why")) {
        ("yes", _) => "yes".into(),
        (verdict, why) => format!("{verdict}: {}", cell(why)),
    }
}

fn choices(lines: &[Value], runtimes: &[&str]) -> String {
    // Cofferdam's column last, beside the reason.
    let others = runtimes.iter().filter(|runtime| **runtime != "cofferdam");
    let columns: Vec<&str> = others.copied().chain(["cofferdam"]).collect();
    let mut page = head(&[&["config", "specification"], columns.as_slice(), &["why"]].concat());
    for ((_, config), seen) in grouped(lines, "choice") {
        let one = |key| seen.values().next().map(|line| word(line, key)).unwrap_or_default();
        let cells = columns.iter().map(|runtime| seen.get(runtime).map_or("-", |line| word(line, "seen")));
        let cells = cells.collect::<Vec<_>>().join(" | ");
        page += &format!("| {config} | {} | {cells} | {} |\n", one("specification"), one("why"));
    }
    page
}

fn head(columns: &[&str]) -> String {
    format!("| {} |\n|{}\n", columns.join(" | "), "---|".repeat(columns.len()))
}

/// A text of one line that does not end a table's cell.
fn cell(text: &str) -> String {
    text.lines().next().unwrap_or_default().replace('|', "\\|")
}

/// Puts `content` between the marks `<!-- name -->` and `<!-- /name -->` of a page.
fn between(page: &Path, name: &str, content: &str) -> Result<(), Box<dyn Error>> {
    let text = fs::read_to_string(page)?;
    let (begin, end) = (format!("<!-- {name} -->"), format!("<!-- /{name} -->"));
    let (before, rest) = text.split_once(&begin).ok_or(format!("{}: no {begin}", page.display()))?;
    let (_, after) = rest.split_once(&end).ok_or(format!("{}: no {end}", page.display()))?;
    Ok(fs::write(page, format!("{before}{begin}\n{content}{end}{after}"))?)
}
