//! Words that may not stand in some places.

use crate::finding::Finding;
use crate::source::Source;
use crate::tokens::Token;

/// The most lines a file may have.
const LINES: usize = 600;

/// Functions that give the kernel a path. In init, which works on a tree that others may change under its
/// feet, only the module that resolves paths beneath the root may call them.
pub(crate) const PATH_CALLS: &[&str] = &[
    "access",
    "accessat",
    "chdir",
    "chmod",
    "chmodat",
    "chown",
    "chownat",
    "chroot",
    "fspick",
    "link",
    "linkat",
    "lstat",
    "mkdir",
    "mkdirat",
    "mknod",
    "mknodat",
    "mount",
    "mount2",
    "mount_bind",
    "mount_bind_recursive",
    "mount_change",
    "mount_move",
    "mount_recursive_bind",
    "mount_remount",
    "mount_setattr",
    "move_mount",
    "open",
    "open_tree",
    "openat",
    "openat2",
    "pivot_root",
    "readlink",
    "readlinkat",
    "rename",
    "renameat",
    "rmdir",
    "stat",
    "statat",
    "statx",
    "symlink",
    "symlinkat",
    "truncate",
    "umount",
    "unlink",
    "unlinkat",
    "unmount",
    "utimensat",
];

/// Methods of `std::path::Path` that ask the kernel about a path.
pub(crate) const PATH_METHODS: &[&str] = &[
    "canonicalize",
    "exists",
    "is_dir",
    "is_file",
    "is_symlink",
    "metadata",
    "read_dir",
    "read_link",
    "symlink_metadata",
    "try_exists",
];

/// The crates whose planning must not touch the file system.
const PURE: &[&str] = &["plan", "rootfs", "namespaces", "security"];

/// `unsafe` anywhere but in `crates/sys`.
pub(crate) fn unsafe_outside_sys(sources: &[Source]) -> Vec<Finding> {
    let outside = sources.iter().filter(|source| source.crate_name() != Some("sys"));
    outside
        .flat_map(|source| {
            source.tokens.iter().filter(|token| token.text == "unsafe").map(|token| {
                finding(source, token, "unsafe", "`unsafe` outside crates/sys: wrap the call there".to_owned())
            })
        })
        .collect()
}

/// Paths that are given to the kernel as strings.
pub(crate) fn path_calls(sources: &[Source]) -> Vec<Finding> {
    sources
        .iter()
        .filter(|source| !source.is_test())
        .flat_map(|source| match source.crate_name() {
            Some("init") if !beneath(source) => in_init(source),
            Some(name) if PURE.contains(&name) => in_planning(source),
            _ => Vec::new(),
        })
        .collect()
}

/// The one module that resolves paths beneath the root.
fn beneath(source: &Source) -> bool {
    source.in_src().is_some_and(|path| path == "root/beneath.rs" || path == "beneath.rs")
}

fn in_init(source: &Source) -> Vec<Finding> {
    let called = |at: usize| {
        let before = at.checked_sub(1).map(|at| source.tokens[at].text.as_str());
        let next = |ahead: usize| source.tokens.get(at + ahead).map(|token| token.text.as_str());
        // A module may have the name of a function: `mount::` is one only with `<`.
        let opens = next(1) == Some("(") || (next(1) == Some("::") && next(2) == Some("<"));
        // Functions of init's own modules, which have the names of their steps.
        let own = ["beneath", "root", "terminal"].iter().any(|module| after(&source.tokens, at, module));
        opens && !own && !matches!(before, Some("fn" | "."))
    };
    let mut found = in_planning(source);
    let calls =
        source.tokens.iter().enumerate().filter(|(at, token)| PATH_CALLS.contains(&token.text.as_str()) && called(*at));
    found.extend(calls.map(|(_, token)| {
        let text = format!("`{}` takes a path outside root/beneath.rs, which alone resolves them", token.text);
        finding(source, token, "path", text)
    }));
    found
}

fn in_planning(source: &Source) -> Vec<Finding> {
    let tokens = &source.tokens;
    let banned = |at: usize| {
        let word = tokens[at].text.as_str();
        let method = at > 0 && tokens[at - 1].text == "." && tokens.get(at + 1).is_some_and(|next| next.text == "(");
        (word == "fs" && after(tokens, at, "std")) || (method && PATH_METHODS.contains(&word))
    };
    (0..tokens.len())
        .filter(|at| banned(*at))
        .map(|at| {
            let text =
                format!("`{}` looks a path up by name: plan with descriptors, or in crates/sys", tokens[at].text);
            finding(source, &tokens[at], "path", text)
        })
        .collect()
}

/// Whether the word at `at` follows `before::`, or stands in a group `before::{…}` of one level.
fn after(tokens: &[Token], at: usize, before: &str) -> bool {
    let direct = at >= 2 && tokens[at - 1].text == "::" && tokens[at - 2].text == before;
    let group = tokens[..at].iter().rposition(|token| matches!(token.text.as_str(), "{" | "}" | ";"));
    let grouped = group.is_some_and(|open| {
        open >= 2 && tokens[open].text == "{" && tokens[open - 1].text == "::" && tokens[open - 2].text == before
    });
    direct || grouped
}

/// Files that are longer than one subject.
pub(crate) fn long_files(sources: &[Source]) -> Vec<Finding> {
    sources
        .iter()
        .filter(|source| source.lines > LINES)
        .map(|source| Finding {
            file: source.path.clone(),
            line: 0,
            rule: "length",
            word: "lines".to_owned(),
            text: format!("{} lines, more than {LINES}: does it still have one subject?", source.lines),
        })
        .collect()
}

fn finding(source: &Source, token: &Token, rule: &'static str, text: String) -> Finding {
    Finding { file: source.path.clone(), line: token.line, rule, word: token.text.clone(), text }
}

#[cfg(test)]
mod tests {
    use super::{LINES, long_files, path_calls, unsafe_outside_sys};
    use crate::source::Source;

    fn words(path: &str, text: &str) -> Vec<String> {
        path_calls(&[Source::new(path, text)]).into_iter().map(|finding| finding.word).collect()
    }

    #[test]
    fn unsafe_is_found_everywhere_but_in_sys() {
        let text = "#![forbid(unsafe_code)] fn f() { unsafe { g() } }";
        assert_eq!(unsafe_outside_sys(&[Source::new("crates/cli/src/main.rs", text)]).len(), 1);
        assert_eq!(unsafe_outside_sys(&[Source::new("tests/integration/src/lib.rs", text)]).len(), 1);
        assert_eq!(unsafe_outside_sys(&[Source::new("crates/sys/src/lib.rs", text)]).len(), 0);
    }

    #[test]
    fn init_gives_no_path_to_the_kernel() {
        let init = "crates/init/src/mounts.rs";
        assert_eq!(words(init, "rustix::fs::openat(root, path)"), ["openat"]);
        assert_eq!(words(init, "let m = mount::<Path>(a)"), ["mount"]);
        assert_eq!(words(init, "std::fs::read(p); p.exists()"), ["fs", "exists"]);
    }

    #[test]
    fn init_may_use_what_resolves_beneath_the_root() {
        let init = "crates/init/src/mounts.rs";
        assert_eq!(words(init, "open::<P>(path)"), ["open"]);
        assert_eq!(words(init, "use rustix::mount::MountFlags; sys::mount::set()"), Vec::<String>::new());
        assert_eq!(words(init, "beneath::open(root, path); root.open(path); fn mount() {}"), Vec::<String>::new());
        assert_eq!(words("crates/init/src/root/beneath.rs", "openat2(a)"), Vec::<String>::new());
    }

    #[test]
    fn planning_touches_no_file() {
        let rootfs = "crates/rootfs/src/mounts.rs";
        assert_eq!(words(rootfs, "use std::{env, fs};"), ["fs"]);
        assert_eq!(words(rootfs, "Path::new(x).is_dir() && self.is_dir"), ["is_dir"]);
        assert_eq!(words("crates/cgroups/src/lib.rs", "std::fs::read(p)"), Vec::<String>::new());
        assert_eq!(words("crates/rootfs/src/tests.rs", "std::fs::read(p)"), Vec::<String>::new());
    }

    #[test]
    fn a_long_file_is_found() {
        let lines = |count: usize| Source::new("crates/cli/src/main.rs", &"\n".repeat(count));
        assert_eq!(long_files(&[lines(LINES + 1)]).len(), 1);
        assert_eq!(long_files(&[lines(LINES)]).len(), 0);
    }
}
