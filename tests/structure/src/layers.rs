//! Crates are floors: each stands only on floors below it.

use crate::finding::Finding;
use crate::source::Manifest;

/// The floors, lowest first. Crates on one floor don't know each other.
const FLOORS: [&[&str]; 7] = [
    &["sys"],
    &["plan"],
    &["spec", "init"],
    &["cgroups", "namespaces", "resctrl", "rootfs", "security"],
    &["launch"],
    &["container"],
    &["cli"],
];

fn floor(name: &str) -> Option<usize> {
    FLOORS.iter().position(|crates| crates.contains(&name))
}

/// Dependencies that lead up or sideways, and crates that have no floor.
pub(crate) fn upward(crates: &[Manifest]) -> Vec<Finding> {
    crates.iter().flat_map(of_crate).collect()
}

fn of_crate(manifest: &Manifest) -> Vec<Finding> {
    let finding = |line: usize, word: &str, text: String| Finding {
        file: format!("crates/{}/Cargo.toml", manifest.name),
        line,
        rule: "layers",
        word: word.to_owned(),
        text,
    };
    let Some(own) = floor(&manifest.name) else {
        let text = format!("the crate {} has no floor; give it one in tests/structure/src/layers.rs", manifest.name);
        return vec![finding(0, &manifest.name, text)];
    };
    dependencies(&manifest.text)
        .filter(|(_, name)| floor(name).is_some_and(|below| below >= own))
        .map(|(line, name)| {
            let text = format!("{} (floor {own}) depends on {name}, which is not below it", manifest.name);
            finding(line, name, text)
        })
        .collect()
}

/// The names under `[dependencies]` and its kin, with their lines.
fn dependencies(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut listed = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        if let Some(section) = line.strip_prefix('[') {
            let section = section.trim_end_matches(']');
            listed = section.ends_with("dependencies");
            return section.split_once("dependencies.").map(|(_, name)| (index + 1, local(name)));
        }
        let name = line.split(['.', '=', ' ']).next().unwrap_or_default();
        (listed && !name.is_empty() && !name.starts_with('#')).then_some((index + 1, local(name)))
    })
}

fn local(name: &str) -> &str {
    name.trim().strip_prefix("cofferdam-").unwrap_or(name.trim())
}

#[cfg(test)]
mod tests {
    use super::upward;
    use crate::source::Manifest;

    fn words(name: &str, text: &str) -> Vec<String> {
        let manifest = Manifest { name: name.to_owned(), text: text.to_owned() };
        upward(&[manifest]).into_iter().map(|finding| finding.word).collect()
    }

    #[test]
    fn down_is_fine() {
        let text =
            "[package]\nlaunch = 1\n[dependencies]\nplan.workspace = true\nsys = { path = \"x\" }\nserde = \"1\"\n";
        assert_eq!(words("rootfs", text), Vec::<String>::new());
    }

    #[test]
    fn up_and_sideways_are_found_in_every_form() {
        let up = "[dependencies]\nlaunch.workspace = true\n[dev-dependencies]\ncofferdam-cli = { path = \"x\" }\n";
        assert_eq!(words("rootfs", up), ["launch", "cli"]);
        assert_eq!(words("spec", "[build-dependencies.init]\nversion = \"1\"\n"), ["init"]);
        assert_eq!(words("security", "[target.'cfg(unix)'.dependencies]\ncgroups = \"1\"\n"), ["cgroups"]);
    }

    #[test]
    fn a_crate_without_a_floor_is_found() {
        assert_eq!(words("attic", ""), ["attic"]);
    }
}
