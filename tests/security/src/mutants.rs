//! The lists of mutants in `tests/security/mutants`: each takes one security check out of the runtime, and names the
//! test that must turn red. See `hack/mutants`.
//!
//! ```text
//! == c09-bounding-set
//! check: what the config does not list leaves the bounding set
//! file: crates/init/src/user.rs
//! test: security c09_capabilities::
//! -
//! the text as it is in the file, where it is once
//! +
//! what comes in its place
//! ```
//!
//! `test:` names a test's program and a filter: `security` and `suite` are those of the packages of that name; `v2` and
//! `selinux` are `security` in User-Mode Linux, on cgroup v2 with AppArmor or with SELinux; any other word is a crate,
//! whose unit tests are meant (`cofferdam-security seccomp::`).

use std::fs;
use std::path::Path;

/// One check taken out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mutant {
    /// Unique; begins with its class.
    pub name: String,
    /// What the check is for.
    pub check: String,
    /// Where it is, from the top of the tree.
    pub file: String,
    /// The test's program, or its crate.
    pub program: String,
    /// The test's name, or the beginning of some.
    pub filter: String,
    /// The text that is there.
    pub old: String,
    /// What comes in its place.
    pub new: String,
}

/// All mutants, by file and in the order of the files.
///
/// # Errors
/// What is wrong with a list, in words.
pub fn all(tree: &Path) -> Result<Vec<Mutant>, String> {
    let folder = tree.join("tests/security/mutants");
    let entries = fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let mut found: Vec<Mutant> = Vec::new();
    for path in paths {
        let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        for mutant in parse(&text).map_err(|error| format!("{}: {error}", path.display()))? {
            if found.iter().any(|other| other.name == mutant.name) {
                return Err(format!("{}: there are two {}", path.display(), mutant.name));
            }
            found.push(mutant);
        }
    }
    Ok(found)
}

fn parse(text: &str) -> Result<Vec<Mutant>, String> {
    text.split("\n== ")
        .map(|part| part.strip_prefix("== ").unwrap_or(part))
        .filter(|part| !is_comment(part))
        .map(one)
        .collect()
}

/// What stands before the first mutant.
fn is_comment(part: &str) -> bool {
    part.lines().all(|line| line.is_empty() || line.starts_with('#'))
}

fn one(part: &str) -> Result<Mutant, String> {
    let (head, body) = part.split_once("\n-\n").ok_or_else(|| format!("no text to replace: {part:?}"))?;
    let (old, new) = body.split_once("\n+\n").or(body.strip_suffix("\n+").map(|old| (old, ""))).ok_or("no new text")?;
    let name = head.lines().next().unwrap_or_default();
    let field = |key: &str| {
        let found = head.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(": "));
        found.map(str::to_owned).ok_or_else(|| format!("{name}: no {key}"))
    };
    let test = field("test")?;
    let (program, filter) = test.split_once(' ').ok_or_else(|| format!("{name}: a test has a program and a name"))?;
    Ok(Mutant {
        name: name.to_owned(),
        check: field("check")?,
        file: field("file")?,
        program: program.to_owned(),
        filter: filter.to_owned(),
        old: old.to_owned(),
        new: new.trim_end().to_owned(),
    })
}

impl Mutant {
    /// The file with the check taken out.
    ///
    /// # Errors
    /// Where the text is not there, or more than once: in words.
    pub fn applied(&self, tree: &Path) -> Result<String, String> {
        let path = tree.join(&self.file);
        let text = fs::read_to_string(&path).map_err(|error| format!("{}: {}: {error}", self.name, self.file))?;
        match text.matches(&self.old).count() {
            1 => Ok(text.replacen(&self.old, &self.new, 1)),
            0 => Err(format!("{}: {} has no such text any more", self.name, self.file)),
            many => Err(format!("{}: {} has that text {many} times", self.name, self.file)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_as_they_are_written() {
        let text = "# about\n\n== a-b\ncheck: it is\nfile: x/y.rs\ntest: security c01_x::y\n-\n  old;\n  line\n+\n  new;\n\n== c\ncheck: d\n\
            file: e\ntest: cofferdam-f g\n-\nh\n+\n";
        let found = parse(text).unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(
            (found[0].name.as_str(), found[0].old.as_str(), found[0].new.as_str()),
            ("a-b", "  old;\n  line", "  new;")
        );
        assert_eq!((found[0].program.as_str(), found[0].filter.as_str()), ("security", "c01_x::y"));
        assert_eq!((found[1].old.as_str(), found[1].new.as_str()), ("h", ""));
    }

    #[test]
    fn every_mutant_still_applies() {
        let tree = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let wrong: Vec<String> = all(&tree).unwrap().iter().filter_map(|mutant| mutant.applied(&tree).err()).collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}
