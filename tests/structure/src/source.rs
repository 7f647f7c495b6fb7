//! The workspace's files.

use crate::tokens::{Token, tokens};
use std::fs;
use std::io;
use std::path::Path;

/// A Rust file.
#[derive(Debug)]
pub(crate) struct Source {
    /// Its path from the top of the workspace: `crates/init/src/main.rs`.
    pub path: String,
    /// How many lines it has.
    pub lines: usize,
    /// Its words.
    pub tokens: Vec<Token>,
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        Source { path: path.to_owned(), lines: text.lines().count(), tokens: tokens(text) }
    }

    /// The folder name of its crate beneath `crates/`, if it is one of the product's.
    pub(crate) fn crate_name(&self) -> Option<&str> {
        self.path.strip_prefix("crates/")?.split('/').next()
    }

    /// Its path beneath the crate's `src/`.
    pub(crate) fn in_src(&self) -> Option<&str> {
        self.path.split_once("/src/").map(|(_, path)| path)
    }

    /// Whether it is compiled for tests alone.
    pub(crate) fn is_test(&self) -> bool {
        self.in_src().is_none_or(|path| {
            path.split('/').any(|part| part == "tests" || part == "tests.rs" || part.ends_with("_tests.rs"))
        })
    }
}

/// A crate of the product, with the manifest's text.
#[derive(Debug)]
pub(crate) struct Manifest {
    /// Its folder's name beneath `crates/`.
    pub name: String,
    /// The text of its Cargo.toml.
    pub text: String,
}

/// All that the rules look at.
#[derive(Debug)]
pub(crate) struct Tree {
    pub crates: Vec<Manifest>,
    pub sources: Vec<Source>,
}

impl Tree {
    /// Reads what is beneath `crates/` and `tests/` of `top`.
    pub(crate) fn load(top: &Path) -> io::Result<Tree> {
        let mut tree = Tree { crates: Vec::new(), sources: Vec::new() };
        for entry in sorted(&top.join("crates"))? {
            let text = fs::read_to_string(entry.join("Cargo.toml"))?;
            let name = entry.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            tree.crates.push(Manifest { name, text });
        }
        for part in ["crates", "tests"] {
            sources(top, &top.join(part), &mut tree.sources)?;
        }
        Ok(tree)
    }
}

fn sources(top: &Path, folder: &Path, found: &mut Vec<Source>) -> io::Result<()> {
    for path in sorted(folder)? {
        if path.is_dir() && !path.ends_with("target") {
            sources(top, &path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(top).unwrap_or(&path).to_string_lossy().into_owned();
            found.push(Source::new(&name, &fs::read_to_string(&path)?));
        }
    }
    Ok(())
}

fn sorted(folder: &Path) -> io::Result<Vec<std::path::PathBuf>> {
    let mut paths = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}
