//! Where a rule need not hold, and why. An exception that excuses nothing any more is itself a finding.

use crate::finding::Finding;

/// A place where one word of one rule is allowed in one file.
struct Exception {
    file: &'static str,
    rule: &'static str,
    word: &'static str,
    /// Why it is right there; for readers.
    reason: &'static str,
}

const EXCEPTIONS: &[Exception] = &[
    Exception {
        file: "crates/init/src/directory.rs",
        rule: "path",
        word: "chdir",
        reason: "after the pivot the path is the program's own; the kernel is then asked where it led",
    },
    Exception {
        file: "crates/init/src/program.rs",
        rule: "path",
        word: "stat",
        reason: "the program is looked up as its user will execute it",
    },
    Exception {
        file: "crates/init/src/program.rs",
        rule: "path",
        word: "accessat",
        reason: "the program is looked up as its user will execute it",
    },
    path(
        "crates/init/src/root/tree.rs",
        "open_tree",
        "the host's path of a bind's source, in init's own mount namespace; else no path",
    ),
    path("crates/init/src/root/tree.rs", "move_mount", "from descriptor to descriptor, with empty paths"),
    path("crates/init/src/root/filesystem.rs", "fspick", "of a descriptor, with an empty path"),
    path(
        "crates/init/src/root/enter.rs",
        "mount_change",
        "`/` and the root's path on the host, before anything of the container is mounted",
    ),
    path("crates/init/src/root/enter.rs", "open", "the root's path on the host, once; `/proc` of the host"),
    path("crates/init/src/root/enter.rs", "unmount", "`.`: the old root, after the pivot"),
    path("crates/init/src/root/enter.rs", "chdir", "`/`, after the pivot"),
    path("crates/init/src/root/enter.rs", "chroot", "`.`: the opened root"),
    path("crates/init/src/root/bare.rs", "mount_change", "mounts of the host outside the root, without pivot_root(2)"),
    path("crates/init/src/root/bare.rs", "unmount", "mounts of the host outside the root, without pivot_root(2)"),
    path("crates/init/src/root/bare.rs", "mount", "mounts of the host outside the root, without pivot_root(2)"),
    Exception {
        file: "crates/container/src/create.rs",
        rule: "root",
        word: "join",
        reason: "the root's own path on the host, beneath the bundle; init opens it once",
    },
    path("crates/init/src/root/identity.rs", "openat2", "beneath our own procfs, without links"),
];

/// A path given to the kernel where no link of the container's can lead it astray.
const fn path(file: &'static str, word: &'static str, reason: &'static str) -> Exception {
    Exception { file, rule: "path", word, reason }
}

/// The findings that no exception excuses, and the exceptions that excuse none.
pub(crate) fn sift(findings: Vec<Finding>) -> Vec<Finding> {
    sift_with(findings, EXCEPTIONS)
}

fn sift_with(findings: Vec<Finding>, exceptions: &[Exception]) -> Vec<Finding> {
    let mut used = vec![false; exceptions.len()];
    let mut left: Vec<Finding> = findings
        .into_iter()
        .filter(|finding| {
            let excuse = exceptions.iter().position(|exception| excuses(exception, finding));
            excuse.inspect(|index| used[*index] = true).is_none()
        })
        .collect();
    for (exception, _) in exceptions.iter().zip(used).filter(|(_, used)| !used) {
        left.push(Finding {
            file: exception.file.to_owned(),
            line: 0,
            rule: "exceptions",
            word: exception.word.to_owned(),
            text: format!("nothing to excuse: {} {} ({})", exception.rule, exception.word, exception.reason),
        });
    }
    left
}

fn excuses(exception: &Exception, finding: &Finding) -> bool {
    exception.file == finding.file && exception.rule == finding.rule && exception.word == finding.word
}

#[cfg(test)]
mod tests {
    use super::{Exception, sift_with};
    use crate::finding::Finding;

    const ALLOWED: &[Exception] = &[Exception { file: "a.rs", rule: "path", word: "open", reason: "why" }];

    fn finding(word: &str) -> Finding {
        Finding { file: "a.rs".to_owned(), line: 7, rule: "path", word: word.to_owned(), text: String::new() }
    }

    #[test]
    fn an_exception_excuses_its_word_alone() {
        assert_eq!(sift_with(vec![finding("open"), finding("mkdir")], ALLOWED), [finding("mkdir")]);
    }

    #[test]
    fn an_exception_without_use_is_found() {
        assert_eq!(sift_with(Vec::new(), ALLOWED)[0].rule, "exceptions");
    }
}
