//! No two files of a crate import each other, directly or through others. A re-export is an import: what is
//! shared lives in a file of its own, and is named where it lives.

use crate::finding::Finding;
use crate::source::Source;
use crate::tokens::Token;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

type Path = Vec<String>;

/// A module of one crate: the file, and which modules it imports at which line.
struct Module<'s> {
    source: &'s Source,
    imports: BTreeMap<Path, usize>,
}

/// One finding a circle.
pub(crate) fn circles(sources: &[Source]) -> Vec<Finding> {
    let names: BTreeSet<&str> = sources.iter().filter_map(Source::crate_name).collect();
    names.into_iter().flat_map(|name| of_crate(sources, name)).collect()
}

fn of_crate(sources: &[Source], name: &str) -> Vec<Finding> {
    let files: BTreeMap<Path, &Source> = sources
        .iter()
        .filter(|source| source.crate_name() == Some(name) && !source.is_test())
        .filter_map(|source| Some((module_path(source)?, source)))
        .collect();
    let modules: BTreeMap<&Path, Module<'_>> = files
        .iter()
        .map(|(path, source)| (path, Module { source, imports: imports(path, &source.tokens, &files) }))
        .collect();
    let mut told = BTreeSet::new();
    modules
        .keys()
        .filter_map(|start| shortest(&modules, start))
        .filter_map(|circle| {
            let members: BTreeSet<Path> = circle.iter().cloned().collect();
            told.insert(members).then(|| finding(&modules, &circle))
        })
        .collect()
}

fn finding(modules: &BTreeMap<&Path, Module<'_>>, circle: &[Path]) -> Finding {
    let first = &modules[&circle[0]];
    let next = circle.get(1).unwrap_or(&circle[0]);
    let files: Vec<&str> = circle.iter().filter_map(|path| modules[path].source.in_src()).collect();
    Finding {
        file: first.source.path.clone(),
        line: first.imports.get(next).copied().unwrap_or_default(),
        rule: "circle",
        word: next.join("::"),
        text: format!("{} -> {}: put what they share into a file of its own", files.join(" -> "), files[0]),
    }
}

/// The shortest way from a module back to itself.
fn shortest(modules: &BTreeMap<&Path, Module<'_>>, start: &Path) -> Option<Vec<Path>> {
    let mut ways = VecDeque::from([vec![start.clone()]]);
    let mut seen = BTreeSet::new();
    while let Some(way) = ways.pop_front() {
        for next in modules.get(way.last()?)?.imports.keys() {
            if next == start {
                return Some(way);
            }
            if seen.insert(next.clone()) {
                ways.push_back(way.iter().cloned().chain([next.clone()]).collect());
            }
        }
    }
    None
}

/// `src/a/b.rs` is `a::b`; the root is the empty path. A program beside a library is a crate of its own.
fn module_path(source: &Source) -> Option<Path> {
    let path = source.in_src()?.strip_suffix(".rs")?;
    if path.starts_with("bin/") {
        return None;
    }
    let mut parts: Path = path.split('/').map(str::to_owned).collect();
    if matches!(parts.last().map(String::as_str), Some("mod" | "lib" | "main")) {
        parts.pop();
    }
    Some(parts)
}

/// The modules that `tokens`, the text of module `own`, name.
fn imports(own: &Path, tokens: &[Token], files: &BTreeMap<Path, &Source>) -> BTreeMap<Path, usize> {
    let mut found = BTreeMap::new();
    for (at, token) in tokens.iter().enumerate() {
        let after_path = at > 0 && tokens[at - 1].text == "::";
        if after_path || tokens.get(at + 1).is_none_or(|next| next.text != "::") {
            continue;
        }
        let Some((base, rest)) = base(own, tokens, at, files) else { continue };
        for target in targets(&base, tokens, rest, files) {
            if target != *own {
                found.entry(target).or_insert(token.line);
            }
        }
    }
    found
}

/// The module that a path's first words name, and where its other words begin.
fn base(own: &Path, tokens: &[Token], mut at: usize, files: &BTreeMap<Path, &Source>) -> Option<(Path, usize)> {
    let mut base = own.clone();
    match tokens[at].text.as_str() {
        "crate" => Some((Vec::new(), at + 2)),
        "self" => Some((base, at + 2)),
        "super" => {
            while tokens.get(at).is_some_and(|token| token.text == "super") {
                base.pop();
                at += 2;
            }
            Some((base, at))
        }
        child => {
            base.push(child.to_owned());
            files.contains_key(&base).then_some((base, at + 2))
        }
    }
}

/// The modules that a path or a group of paths (`a::{b, c::d}`) leads to.
fn targets(base: &Path, tokens: &[Token], at: usize, files: &BTreeMap<Path, &Source>) -> Vec<Path> {
    let Some(token) = tokens.get(at) else { return vec![base.clone()] };
    if token.text == "{" {
        return group(base, tokens, at + 1, files);
    }
    let mut longer = base.clone();
    longer.push(token.text.clone());
    if !files.contains_key(&longer) {
        return vec![base.clone()];
    }
    match tokens.get(at + 1) {
        Some(next) if next.text == "::" => targets(&longer, tokens, at + 2, files),
        _ => vec![longer],
    }
}

/// Each path of a group, up to its closing brace.
fn group(base: &Path, tokens: &[Token], mut at: usize, files: &BTreeMap<Path, &Source>) -> Vec<Path> {
    let (mut depth, mut begins, mut found) = (1, true, Vec::new());
    while depth > 0 && at < tokens.len() {
        match tokens[at].text.as_str() {
            "{" => depth += 1,
            "}" => depth -= 1,
            "," if depth == 1 => begins = true,
            "self" if begins => {
                found.push(base.clone());
                begins = false;
            }
            _ if begins => {
                found.extend(targets(base, tokens, at, files));
                begins = false;
            }
            _ => {}
        }
        at += 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::circles;
    use crate::source::Source;

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let sources: Vec<Source> =
            files.iter().map(|(path, text)| Source::new(&format!("crates/x/src/{path}"), text)).collect();
        circles(&sources).into_iter().map(|finding| finding.text).collect()
    }

    #[test]
    fn a_tree_of_imports_is_fine() {
        let files = [
            ("lib.rs", "mod a; mod b; pub use a::A; use b::{c::D, E};"),
            ("a.rs", "use crate::b::{self, c};"),
            ("b.rs", "mod c; use self::c::F; #[cfg(test)] mod tests { use crate::a::A; }"),
            ("b/c.rs", "use std::fmt; struct A; // crate::a"),
        ];
        assert_eq!(found(&files), Vec::<String>::new());
    }

    #[test]
    fn two_files_that_import_each_other_are_found_once() {
        let files = [("a.rs", "use crate::{x, b::B};"), ("b.rs", "fn f() { crate::a::g::<u8>() }")];
        assert_eq!(found(&files).len(), 1);
    }

    #[test]
    fn a_way_through_three_and_through_super_is_found() {
        let files = [
            ("a/mod.rs", "use super::b::{x, y};"),
            ("b.rs", "use crate::c;"),
            ("c.rs", "use crate::{d, a};"),
            ("d.rs", ""),
        ];
        assert_eq!(found(&files), ["a/mod.rs -> b.rs -> c.rs -> a/mod.rs: put what they share into a file of its own"]);
    }

    #[test]
    fn a_child_that_leans_on_the_parent_that_re_exports_it_is_found() {
        let files = [("lib.rs", "mod a; pub use a::A; pub struct Shared;"), ("a.rs", "use super::Shared;")];
        assert_eq!(found(&files).len(), 1);
    }
}
