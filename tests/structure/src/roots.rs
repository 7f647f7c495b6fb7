//! Paths on the root file system: only init's `root/beneath.rs` resolves any. So outside of init nobody makes a longer
//! path of the root's, or gives the kernel one.
//!
//! It is seen by the statement: one that names the root (`rootfs`, or `root()` of the config) and makes or uses a path.

use crate::bans::{PATH_CALLS, PATH_METHODS};
use crate::finding::Finding;
use crate::source::Source;
use crate::tokens::Token;

/// Methods that make a path of a path.
const LONGER: &[&str] = &["join", "push", "with_extension", "with_file_name", "set_file_name", "parent", "ancestors"];

/// The crates that only plan, or only read the config: they touch no file, which another rule holds them to.
const PLANNERS: &[&str] = &["rootfs", "plan", "spec"];

/// Statements that name a path on the root file system.
pub(crate) fn paths_on_the_root(sources: &[Source]) -> Vec<Finding> {
    sources.iter().filter(|source| acts(source) && !source.is_test()).flat_map(of).collect()
}

fn acts(source: &Source) -> bool {
    source.crate_name().is_some_and(|name| name != "init" && !PLANNERS.contains(&name))
}

fn of(source: &Source) -> Vec<Finding> {
    let statements = source.tokens.split(|token| matches!(token.text.as_str(), ";" | "{" | "}"));
    statements
        .filter_map(|statement| {
            let word = act(statement)?;
            names_the_root(statement).then(|| Finding {
                file: source.path.clone(),
                line: word.line,
                rule: "root",
                word: word.text.clone(),
                text: format!(
                    "`{}` on the root file system: init's root/beneath.rs alone may name what is there",
                    word.text
                ),
            })
        })
        .collect()
}

/// A value that is the root's path: not the crate `rootfs`, nor the name of a field or a function.
fn names_the_root(statement: &[Token]) -> bool {
    let text = |at: usize| statement.get(at).map(|token| token.text.as_str());
    (0..statement.len()).any(|at| match text(at) {
        Some("rootfs") => !matches!(text(at + 1), Some("::" | ":" | "(")) && (at == 0 || text(at - 1) != Some("use")),
        // Of the config, where its path is asked for; others call their own root so.
        Some("root") => {
            (1..3).all(|next| matches!(text(at + next), Some("(" | ")"))) && asks_for_path(&statement[at..])
        }
        _ => false,
    })
}

fn asks_for_path(tokens: &[Token]) -> bool {
    tokens.windows(3).any(|three| three[0].text == "." && three[1].text == "path" && three[2].text == "(")
}

/// The word that makes or uses a path.
fn act(statement: &[Token]) -> Option<&Token> {
    let text = |at: usize| statement.get(at).map(|token| token.text.as_str());
    statement.iter().enumerate().find_map(|(at, token)| {
        let word = token.text.as_str();
        let called = text(at + 1) == Some("(");
        let method = called && at > 0 && text(at - 1) == Some(".");
        let path = method && (LONGER.contains(&word) || PATH_METHODS.contains(&word));
        let call = called && !method && PATH_CALLS.contains(&word);
        let file = matches!(word, "fs" | "File" | "OpenOptions") && text(at + 1) == Some("::");
        (path || call || file).then_some(token)
    })
}

#[cfg(test)]
mod tests {
    use super::paths_on_the_root;
    use crate::source::Source;

    fn words(path: &str, text: &str) -> Vec<String> {
        paths_on_the_root(&[Source::new(path, text)]).into_iter().map(|finding| finding.word).collect()
    }

    const FILE: &str = "crates/container/src/create.rs";

    #[test]
    fn what_names_a_path_on_the_root_is_found() {
        assert_eq!(words(FILE, "let passwd = record.rootfs.join(\"etc/passwd\");"), ["join"]);
        assert_eq!(words(FILE, "fn f() { std::fs::read(format!(\"{}/x\", rootfs.display())) }"), ["fs"]);
        assert_eq!(words(FILE, "if request.rootfs.exists() {}"), ["exists"]);
        assert_eq!(words(FILE, "openat(&rootfs, c\"dev\", flags, mode)?;"), ["openat"]);
        assert_eq!(words(FILE, "let p = spec.root().as_ref().map(|root| bundle.join(root.path()));"), ["join"]);
        assert_eq!(words("crates/launch/src/walk.rs", "let f = File::open(self.rootfs);"), ["File"]);
    }

    #[test]
    fn what_hands_the_roots_path_on_is_not() {
        assert_eq!(
            words(FILE, "record.rootfs.clone_from(&rootfs); Request { rootfs: &rootfs, id }"),
            Vec::<String>::new()
        );
        assert_eq!(words(FILE, "let mount = rootfs::mounts(spec, &rootfs)?;"), Vec::<String>::new());
        assert_eq!(words(FILE, "let file = open(store.root(), flags);"), Vec::<String>::new());
        assert_eq!(words(FILE, "let file = bundle.join(\"config.json\"); rootfs(&spec)"), Vec::<String>::new());
    }

    #[test]
    fn init_and_who_only_plans_have_rules_of_their_own() {
        for name in ["init", "rootfs", "plan", "spec"] {
            let file = format!("crates/{name}/src/a.rs");
            assert_eq!(words(&file, "rootfs.join(x);"), Vec::<String>::new());
        }
        assert_eq!(words("crates/container/src/fuzz_tests.rs", "rootfs.join(x);"), Vec::<String>::new());
    }
}
