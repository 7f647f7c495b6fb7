//! `mutants --check`: whether every mutant still applies. `mutants COPY [NAME...]`: builds each in the copy of the tree
//! at `COPY`, runs its test, wants it red, and writes the table of `docs/security.md`. See `hack/mutants`.

use rig::mutants::{Mutant, all};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let tree = std::env::current_dir().expect("a folder");
    let outcome = match arguments.split_first() {
        Some((first, [])) if first == "--check" => check(&tree),
        Some((copy, names)) => run(&tree, Path::new(copy), names),
        None => Err("usage: mutants --check | COPY [NAME...]".to_owned()),
    };
    match outcome {
        Ok(said) => {
            println!("{said}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("mutants: {why}");
            ExitCode::FAILURE
        }
    }
}

fn check(tree: &Path) -> Result<String, String> {
    let mutants = all(tree)?;
    let wrong: Vec<String> = mutants.iter().filter_map(|mutant| mutant.applied(tree).err()).collect();
    if wrong.is_empty() { Ok(format!("{} mutants apply", mutants.len())) } else { Err(wrong.join("\n")) }
}

/// What came of a mutant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Red,
    Hangs,
    Green,
    DoesNotBuild,
    DoesNotApply,
    /// Not even a plain container comes up: that its test is red says nothing.
    BreaksAll,
}

impl Fate {
    fn text(self) -> &'static str {
        match self {
            Fate::Red => "red",
            Fate::Hangs => "red (hangs)",
            Fate::Green => "**green**",
            Fate::DoesNotBuild => "**does not build**",
            Fate::DoesNotApply => "**does not apply**",
            Fate::BreaksAll => "**breaks everything**",
        }
    }
}

fn run(tree: &Path, copy: &Path, names: &[String]) -> Result<String, String> {
    let listed = all(tree)?;
    let chosen: Vec<&Mutant> = listed.iter().filter(|mutant| is_chosen(mutant, names)).collect();
    if chosen.is_empty() {
        return Err(format!("no mutant is called {names:?}"));
    }
    let lab = Lab::new(copy)?;
    let mut fates = BTreeMap::new();
    lab.all_green(&chosen)?;
    for mutant in chosen {
        let begin = Instant::now();
        let fate = lab.fate(mutant)?;
        println!("{:<40} {:<12} {:>4} s  {}", mutant.name, fate.text(), begin.elapsed().as_secs(), mutant.check);
        fates.insert(mutant.name.clone(), fate);
        // At once: a run that is ended has not been for nothing.
        write_table(tree, &listed, &fates)?;
    }
    let alive = fates.values().filter(|fate| !matches!(fate, Fate::Red | Fate::Hangs)).count();
    if alive == 0 {
        Ok(format!("{} mutants, all red", fates.len()))
    } else {
        Err(format!("{alive} of {} are not red", fates.len()))
    }
}

fn is_chosen(mutant: &Mutant, names: &[String]) -> bool {
    names.is_empty() || names.iter().any(|name| mutant.name.starts_with(name.as_str()))
}

/// What must go on working without the check.
fn plain() -> Mutant {
    let [program, filter] = ["suite", "lifecycle::run_"].map(str::to_owned);
    Mutant { program, filter, ..Mutant::default() }
}

/// A copy of the tree, built without any mutant.
struct Lab {
    copy: PathBuf,
    programs: BTreeMap<&'static str, PathBuf>,
    runtime: PathBuf,
}

impl Lab {
    fn new(copy: &Path) -> Result<Self, String> {
        let mut lab = Lab { copy: copy.to_owned(), programs: BTreeMap::new(), runtime: PathBuf::new() };
        if !lab.build()? {
            return Err("the tree does not build".to_owned());
        }
        for (name, package) in [("security", "cofferdam-security-tests"), ("suite", "cofferdam-tests")] {
            let told = lab.cargo(&["test", "-p", package, "--test", name, "--no-run"]).output();
            let told = told.map_err(|error| format!("cargo: {error}"))?;
            let text = String::from_utf8_lossy(&told.stderr).into_owned();
            let path = text.lines().rev().find_map(|line| line.trim().strip_prefix("Executable ")?.rsplit_once('('));
            let (_, path) = path.ok_or_else(|| format!("{package} does not build: {text}"))?;
            lab.programs.insert(name, copy.join(path.trim_end_matches(')')));
        }
        let folder = lab.programs["security"].parent().and_then(Path::parent).unwrap_or(copy);
        lab.runtime = folder.join("cofferdam");
        Ok(lab)
    }

    /// A cargo command in the copy.
    fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("cargo");
        command.args(arguments).arg("--locked").current_dir(&self.copy).stdin(Stdio::null());
        command.env("CARGO_TERM_COLOR", "never").env_remove("CARGO_TARGET_DIR").env_remove("RUNTIME");
        command
    }

    fn build(&self) -> Result<bool, String> {
        let built = self.cargo(&["build", "-p", "cofferdam", "-p", "cofferdam-tests"]).output();
        let built = built.map_err(|error| format!("cargo: {error}"))?;
        if !built.status.success() {
            eprintln!("{}", String::from_utf8_lossy(&built.stderr));
        }
        Ok(built.status.success())
    }

    /// Whether the tests are there, and green, while nothing is amiss.
    fn all_green(&self, mutants: &[&Mutant]) -> Result<(), String> {
        let tests: BTreeMap<(&str, &str), &Mutant> =
            mutants.iter().map(|mutant| ((mutant.program.as_str(), mutant.filter.as_str()), *mutant)).collect();
        for ((program, filter), mutant) in tests {
            let (status, told) = self.test(mutant)?;
            if status != Some(0) || !told.contains(" passed") || told.contains("skipped: ") {
                return Err(format!("{}: {program} {filter} is not green as it is: {told}", mutant.name));
            }
            // A crate has several programs of tests; one of them is meant.
            if !told.lines().any(|line| line.starts_with("test result: ok. ") && !line.contains(". 0 passed")) {
                return Err(format!("{}: there is no test {program} {filter}", mutant.name));
            }
        }
        Ok(())
    }

    fn fate(&self, mutant: &Mutant) -> Result<Fate, String> {
        let path = self.copy.join(&mutant.file);
        let sound = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let Ok(text) = mutant.applied(&self.copy) else { return Ok(Fate::DoesNotApply) };
        let fate = write(&path, &text).and_then(|()| self.judge(mutant));
        write(&path, &sound)?;
        fate
    }

    fn judge(&self, mutant: &Mutant) -> Result<Fate, String> {
        if !self.build()? {
            return Ok(Fate::DoesNotBuild);
        }
        if self.test(&plain())?.0 != Some(0) {
            return Ok(Fate::BreaksAll);
        }
        let (status, told) = self.test(mutant)?;
        write(&self.copy.join("target").join(&mutant.name), &told)?;
        Ok(match status {
            Some(0) => Fate::Green,
            // timeout(1)'s own.
            Some(124 | 137) => Fate::Hangs,
            _ if told.contains("could not compile") => Fate::DoesNotBuild,
            _ => Fate::Red,
        })
    }

    /// Runs the test: its exit status, and what it said.
    fn test(&self, mutant: &Mutant) -> Result<(Option<i32>, String), String> {
        let mut command = Command::new("timeout");
        command.args(["-k", "5", "240"]).args(self.words(&mutant.program)).arg(&mutant.filter);
        command.env("RUNTIME", &self.runtime).env("RUST_BACKTRACE", "0").env_remove("CARGO_TARGET_DIR");
        let told = command.current_dir(&self.copy).stdin(Stdio::null()).output();
        let told = told.map_err(|error| format!("timeout: {error}"))?;
        let text = [told.stdout, told.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        Ok((told.status.code(), text))
    }

    /// The words of the command that runs a test's program.
    fn words(&self, program: &str) -> Vec<OsString> {
        let of = |words: &[&str]| words.iter().map(OsString::from).collect();
        let lsm = match program {
            "v2" => "apparmor",
            "selinux" => "selinux",
            name => {
                let own = self.programs.get(name).map(|path| vec![path.into()]);
                return own.unwrap_or_else(|| of(&["cargo", "test", "--locked", "-p", name, "--quiet", "--"]));
            }
        };
        // It ends by itself: not all of it ends with who called it.
        let mut words: Vec<OsString> = of(&["hack/uml", "--timeout", "200", "--lsm", lsm, "env", "RUST_BACKTRACE=0"]);
        words.push(format!("RUNTIME={}", self.runtime.display()).into());
        words.extend([self.programs["security"].clone().into(), "--test-threads=1".into()]);
        words
    }
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}

const BEGIN: &str = "<!-- mutants: written by hack/mutants -->\n";
const END: &str = "<!-- end of mutants -->";

/// Puts what came of the mutants into the table; what is not run keeps its row, what is not listed has none.
fn write_table(tree: &Path, listed: &[Mutant], fates: &BTreeMap<String, Fate>) -> Result<(), String> {
    let path = tree.join("docs/security.md");
    let page = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let (before, rest) = page.split_once(BEGIN).ok_or("docs/security.md has no place for the mutants")?;
    let (table, after) = rest.split_once(END).ok_or("docs/security.md has no end of the mutants")?;
    let known = |name: &str| {
        let row = table.lines().find(|line| line.starts_with(&format!("| {name} |")))?;
        Some(row.rsplit('|').nth(1)?.trim().to_owned())
    };
    let mut text =
        String::from("| mutant | the check that is gone | the test that notices | last result |\n|---|---|---|---|\n");
    for mutant in listed {
        let fate = fates.get(&mutant.name).map(|fate| fate.text().to_owned()).or_else(|| known(&mutant.name));
        let Mutant { name, check, program, filter, .. } = mutant;
        let fate = fate.as_deref().unwrap_or("not run");
        text.extend(["| ", name, " | ", check, " | `", program, " ", filter, "` | ", fate, " |\n"]);
    }
    write(&path, &format!("{before}{BEGIN}{text}{END}{after}"))
}
