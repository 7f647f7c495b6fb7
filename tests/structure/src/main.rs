//! Fails where the workspace loses its shape: a crate that depends on one above it, modules that import each
//! other in a circle, `unsafe` outside `crates/sys`, a path given to the kernel as a string where paths must
//! be resolved beneath the root, or made longer elsewhere, a file that grew past its subject. Each rule is one module with its own
//! positive controls; each exception stands in [`exceptions`] with its reason.

mod bans;
mod circles;
mod exceptions;
mod finding;
mod layers;
mod roots;
mod source;
mod tokens;

use finding::Finding;
use source::Tree;
use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let top = std::env::args_os().nth(1).map_or_else(|| PathBuf::from("."), PathBuf::from);
    let tree = match Tree::load(&top) {
        Ok(tree) => tree,
        Err(error) => {
            eprintln!("structure: reading {}: {error}", top.display());
            return ExitCode::from(2);
        }
    };
    let findings = exceptions::sift(check(&tree));
    for finding in &findings {
        println!("{finding}");
    }
    if findings.is_empty() {
        println!("structure: {} files of {} crates hold their shape", tree.sources.len(), tree.crates.len());
        return ExitCode::SUCCESS;
    }
    println!("structure: {} findings", findings.len());
    ExitCode::FAILURE
}

fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = layers::upward(&tree.crates);
    findings.extend(circles::circles(&tree.sources));
    findings.extend(bans::unsafe_outside_sys(&tree.sources));
    findings.extend(bans::path_calls(&tree.sources));
    findings.extend(roots::paths_on_the_root(&tree.sources));
    findings.extend(bans::long_files(&tree.sources));
    findings
}

#[cfg(test)]
mod tests {
    use super::{Tree, check, exceptions};
    use std::path::Path;

    #[test]
    fn this_workspace_holds_its_shape() {
        let tree = Tree::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")).unwrap();
        let findings: Vec<String> = exceptions::sift(check(&tree)).iter().map(ToString::to_string).collect();
        assert!(findings.is_empty(), "{findings:#?}");
    }
}
