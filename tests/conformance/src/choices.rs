//! What the specification leaves open, or what runtimes do otherwise by custom: what is seen is told, for
//! docs/compatibility.md. What Cofferdam does must be what that page says.

use crate::{report, runtime};
use harness::{Bundle, programs};
use libtest_mimic::{Failed, Trial};
use serde_json::json;
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// A config, and a look at what comes of it, in a few words.
struct Choice {
    config: &'static str,
    specification: &'static str,
    see: fn() -> String,
    /// Why Cofferdam does what it does.
    why: &'static str,
}

const PAGE: &str = include_str!("../../../docs/compatibility.md");

const CHOICES: &[Choice] = &[
    Choice {
        config: "`delete` of a created container",
        specification: "an error",
        see: delete_of_a_created_container,
        why: "engines rely on it",
    },
    Choice {
        config: "the cgroup of `cgroupsPath` is there before, empty",
        specification: "`delete` leaves it",
        see: cgroup_from_before,
        why: "else what an interrupted container left would stay for ever",
    },
    Choice {
        config: "`process.user.umask` is absent, the caller's is 077",
        specification: "left as inherited",
        see: umask,
        why: "images rely on it",
    },
    Choice {
        config: "`process.args` names a program in the working directory, PATH has an empty entry",
        specification: "it runs, as execvp(3) has it",
        see: empty_entry_of_the_path,
        why: "as runc, whose error engines know",
    },
    Choice {
        config: "`process.args` names a text without `#!`",
        specification: "it runs as a script, as execvp(3) has it",
        see: text_without_a_header,
        why: "as runc, whose error engines know",
    },
    Choice {
        config: "a createRuntime hook without `env`",
        specification: "not said",
        see: environment_of_a_hook,
        why: "hooks of engines look for their programs on PATH",
    },
    Choice {
        config: "a startContainer hook without `env`",
        specification: "not said",
        see: environment_of_a_hook_inside,
        why: "nothing of the host's environment may be seen inside",
    },
    Choice {
        config: "a poststart hook that fails",
        specification: "an error, and the container is stopped",
        see: failing_poststart,
        why: "the specification, since 1.3",
    },
    Choice {
        config: "`process.capabilities` is absent",
        specification: "not said",
        see: no_capabilities,
        why: "the safe reading",
    },
    Choice {
        config: "a mount of type `bind` without the option `bind` or `rbind`",
        specification: "not a bind",
        see: bind_without_the_option,
        why: "what its author meant; there is a warning",
    },
    Choice {
        config: "the same key twice in config.json",
        specification: "not JSON that readers agree on",
        see: duplicate_key,
        why: "two readers could see two configs",
    },
    Choice {
        config: "a hostname without a UTS namespace",
        specification: "not said",
        see: hostname_of_the_host,
        why: "the host's name is never changed",
    },
    Choice {
        config: "the working directory does not exist",
        specification: "not said",
        see: missing_directory,
        why: "images rely on it",
    },
];

pub(crate) fn trials() -> impl Iterator<Item = Trial> {
    CHOICES.iter().map(|choice| {
        let name = choice.config.chars().filter(|letter| *letter != '`').collect::<String>().replace(' ', "_");
        Trial::test(format!("choices::{name}"), move || look(choice))
    })
}

fn look(choice: &Choice) -> Result<(), Failed> {
    let seen = (choice.see)();
    report::line(&json!({
        "choice": choice.config, "specification": choice.specification, "why": choice.why,
        "runtime": runtime::name(), "seen": seen,
    }));
    let row = PAGE.lines().find(|line| line.starts_with(&format!("| {} |", choice.config)));
    let told = row.and_then(|row| row.split(" | ").nth(4)).unwrap_or("nothing");
    if runtime::name() != "cofferdam" || told == seen || report::is_asked_for() {
        return Ok(());
    }
    Err(format!("docs/compatibility.md tells {told:?}, seen is {seen:?}: hack/compare writes it anew").into())
}

fn delete_of_a_created_container() -> String {
    let bundle = Bundle::of_sleep();
    bundle.create().ok();
    if bundle.delete().code == 0 { "ended and deleted".into() } else { "an error".into() }
}

fn text_without_a_header() -> String {
    let bundle = Bundle::new().with("/process/args", json!(["/bare"]));
    fs::write(bundle.rootfs("bare"), "echo ran\n").expect("a script");
    fs::set_permissions(bundle.rootfs("bare"), fs::Permissions::from_mode(0o755)).expect("a mode");
    (if bundle.run().out == "ran\n" { "it runs" } else { "an error" }).to_owned()
}

fn empty_entry_of_the_path() -> String {
    let bundle = Bundle::new().with("/process/args", json!(["seeker"])).with("/process/cwd", json!("/home/u"));
    programs::copy(&bundle.rootfs("probe"), &bundle.rootfs("home/u/seeker"));
    let outcome = bundle.with("/process/env", json!(["PATH=:/bin"])).run();
    (if outcome.code == 0 { "it runs" } else { "an error" }).to_owned()
}

fn cgroup_from_before() -> String {
    let bundle = Bundle::of_sleep();
    let folder = bundle.cgroup("pids");
    fs::create_dir(&folder).expect("a cgroup");
    bundle.create().ok();
    bundle.call(["delete", "--force", bundle.id()]).ok();
    if folder.exists() { "it stays" } else { "removed" }.to_owned()
}

fn umask() -> String {
    let bundle = Bundle::of_shell("umask");
    bundle.call_after("umask 077", ["run", bundle.id()]).ok().out.trim().to_owned()
}

fn environment_of_a_hook() -> String {
    let bundle = Bundle::of_shell("true");
    let file = bundle.folder().join("environment");
    let script = format!("env >{}", file.display());
    let bundle = bundle.with("/hooks", json!({"createRuntime": [{"path": "/bin/sh", "args": ["sh", "-c", script]}]}));
    with_an_environment(&bundle);
    whose_environment(&fs::read_to_string(file).expect("the hook's environment"))
}

fn environment_of_a_hook_inside() -> String {
    let bundle = Bundle::of_shell("cat /environment").with("/process/env/-", json!("OF_THE_PROGRAM=1"));
    let hook = json!({"path": "/bin/sh", "args": ["sh", "-c", "env >/environment"]});
    whose_environment(&with_an_environment(&bundle.with("/hooks", json!({"startContainer": [hook]}))))
}

/// What `run` printed whose caller has a variable of his own.
fn with_an_environment(bundle: &Bundle) -> String {
    bundle.call(["run", bundle.id()]).env("OF_THE_CALLER", "1").ok().out
}

fn whose_environment(seen: &str) -> String {
    match (seen.contains("OF_THE_CALLER="), seen.contains("OF_THE_PROGRAM=")) {
        (true, _) => "the runtime's own environment".into(),
        (_, true) => "the program's environment".into(),
        _ => "an empty environment".into(),
    }
}

fn failing_poststart() -> String {
    let bundle = Bundle::of_sleep().with("/hooks", json!({"poststart": [{"path": "/bin/false"}]}));
    let (create, start) = (bundle.create(), bundle.call(["start", bundle.id()]).outcome());
    let lives = bundle.call(["state", bundle.id()]).outcome().out.contains("\"running\"");
    let place = match (create.code, start.code) {
        (0, 0) => "no error",
        (0, _) => "`start` fails",
        _ => "`create` fails",
    };
    format!("{place}, the container {}", if lives { "runs on" } else { "is stopped" })
}

fn no_capabilities() -> String {
    let mut bundle = Bundle::new();
    bundle.remove("/process/capabilities");
    let seen = bundle.probe(&[]);
    if seen["status"]["CapEff"] == "0000000000000000" { "none".into() } else { "some".into() }
}

fn bind_without_the_option() -> String {
    let bundle = Bundle::of_shell("cat /place/file");
    fs::create_dir(bundle.folder().join("source")).expect("a folder");
    fs::write(bundle.folder().join("source/file"), "there").expect("a file");
    let mount = json!({"destination": "/place", "type": "bind", "source": "source"});
    let outcome = bundle.with("/mounts/-", mount).run();
    if outcome.out == "there" { "a bind".into() } else { "an error".into() }
}

fn duplicate_key() -> String {
    let bundle = Bundle::of_shell("true");
    let text = bundle.config.to_string().replacen('{', "{\"hostname\": \"another\", ", 1);
    fs::write(bundle.folder().join("config.json"), text).expect("config.json");
    taken_or_refused(bundle.run().code)
}

fn hostname_of_the_host() -> String {
    let mut bundle = Bundle::of_shell("true");
    let kinds = bundle.config["linux"]["namespaces"].as_array_mut().expect("namespaces");
    kinds.retain(|namespace| namespace["type"] != "uts");
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    // Its own name: whoever sets it does no harm.
    bundle.set("/hostname", json!(name));
    taken_or_refused(bundle.run().code)
}

fn missing_directory() -> String {
    let outcome = Bundle::of_shell("pwd").with("/process/cwd", json!("/not/there")).run();
    if outcome.out.trim() == "/not/there" { "made".into() } else { "an error".into() }
}

fn taken_or_refused(code: i32) -> String {
    if code == 0 { "taken".into() } else { "refused".into() }
}
