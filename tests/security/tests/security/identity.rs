//! Who is who: a process that got the number of a dead init is not it; a container has keys of its own.

use harness::{Bundle, Call, need_cofferdam, need_root, programs, skip};
use serde_json::json;
use std::path::PathBuf;

/// In a PID namespace of its own, where numbers can be handed out at will: each round a container's init dies, and a
/// bystander gets its number.
const ROUNDS: &str = r#"
reuse() {
    while :; do
        echo $(($1 - 1)) >/proc/sys/kernel/ns_last_pid || exit 3
        sleep 1000 &
        [ $! = "$1" ] && return
        kill -9 $!
        wait $!
    done
}
[ -z "$MEMORY" ] || { mkdir -p "$MEMORY" && mount -t tmpfs tmpfs "$MEMORY"; } || exit 11
round=0
while [ $round -lt "$ROUNDS" ]; do
    round=$((round + 1))
    "$@" create --pid-file pid "$ID" || exit 4
    pid=$(cat pid)
    [ $((round % 2)) = 0 ] && { "$@" start "$ID" || exit 5; }
    kill -9 "$pid"
    while [ -e "/proc/$pid" ]; do sleep 0.01; done
    reuse "$pid"
    "$@" state "$ID" | grep -q '"status": "stopped"' || { echo "state: a bystander is taken for init"; exit 6; }
    "$@" kill "$ID" KILL 2>/dev/null && { echo "kill: a signal went to a bystander"; exit 7; }
    "$@" kill --all "$ID" KILL 2>/dev/null
    "$@" exec "$ID" /bin/true 2>/dev/null && { echo "exec: a bystander was joined"; exit 8; }
    "$@" delete --force "$ID" || exit 9
    grep -q sleep "/proc/$pid/comm" && kill -0 "$pid" || { echo "a bystander has died"; exit 10; }
    kill -9 "$pid"
    wait "$pid"
done
echo "$round rounds"
"#;

#[test]
fn a_bystander_with_the_number_of_a_dead_init_is_spared() {
    number_used_again(false);
}

/// There the pidfd's inode is all that is compared.
#[test]
fn a_bystander_is_spared_where_the_state_is_of_this_boot() {
    number_used_again(true);
}

fn number_used_again(in_memory: bool) {
    need_root!();
    if !std::path::Path::new("/proc/sys/kernel/ns_last_pid").exists() {
        skip!("this kernel hands out no chosen process ids");
    }
    let bundle = Bundle::of_sleep();
    let tens = rig::rounds(10, 100).min(if harness::host::is_user_mode() { 1 } else { 100 });
    for _ in 0..tens {
        let outcome = reusing(&bundle, "10", in_memory).ok();
        assert!(outcome.out.ends_with("10 rounds\n"), "{outcome}");
    }
    rig::host_print::assert_nothing_left(&bundle);
}

fn reusing(bundle: &Bundle, rounds: &str, in_memory: bool) -> Call {
    let (runtime, root) = (programs::runtime(), bundle.state_folder());
    let memory = if in_memory { root.clone() } else { PathBuf::new() };
    Call::new(&programs::find("unshare").expect("unshare"), bundle.folder())
        .args(["--pid", "--fork", "--mount-proc", "--kill-child", "/bin/sh", "-c", ROUNDS, "sh"])
        .args([runtime.as_os_str(), "--root".as_ref(), root.as_os_str()])
        .cwd(bundle.folder())
        .env("ROUNDS", rounds)
        .env("MEMORY", memory)
        .env("ID", bundle.id())
        .env("COFFERDAM_TEST", bundle.tag())
}

fn keyrings() -> PathBuf {
    static MADE: std::sync::OnceLock<PathBuf> = std::sync::OnceLock::new();
    MADE.get_or_init(|| programs::compiled("security-keyrings", include_str!("../../src/keyrings.c"))).clone()
}

/// A call of the runtime by somebody whose session keyring of that name holds a secret.
fn with_secret(bundle: &Bundle, name: &str, arguments: &[&str]) -> Call {
    let (runtime, root) = (programs::runtime(), bundle.state_folder());
    Call::new(&keyrings(), bundle.folder())
        .args(["hold", name])
        .args([runtime.as_os_str(), "--root".as_ref(), root.as_os_str()])
        .args(arguments)
        .cwd(bundle.folder())
        .env("COFFERDAM_TEST", bundle.tag())
}

fn looking() -> Bundle {
    let bundle = Bundle::new().with("/process/args", json!(["/keyrings", "look"]));
    programs::copy(&keyrings(), &bundle.rootfs("keyrings"));
    bundle
}

/// The name of the keyring that was told, which is not where the secret is.
#[track_caller]
fn own(said: &str) -> &str {
    assert!(said.starts_with("Required key not available "), "{said}");
    said.trim().rsplit(';').next().unwrap()
}

#[test]
fn no_key_of_the_caller_comes_along() {
    need_root!();
    let bundle = looking();
    let name = format!("of-the-caller-{}", bundle.tag());
    let outcome = with_secret(&bundle, &name, &["run", bundle.id()]).ok();
    assert!(own(&outcome.out).contains(bundle.id()), "{outcome}");
    // The control.
    let outcome = with_secret(&bundle, &name, &["run", "--no-new-keyring", bundle.id()]).ok();
    assert!(outcome.out.starts_with("found "), "{outcome}");
}

#[test]
fn exec_has_the_containers_keys_and_not_the_callers() {
    need_root!();
    for user in [false, true] {
        let bundle = looking().with("/process/args", json!(["/bin/sleep", "1000"]));
        let bundle = if user { bundle.in_user_namespace() } else { bundle };
        if user {
            std::os::unix::fs::chown(bundle.rootfs(""), Some(100_000), Some(100_000)).unwrap();
        }
        bundle.up();
        let name = format!("of-the-caller-{}", bundle.tag());
        let look = || with_secret(&bundle, &name, &["exec", bundle.id(), "/keyrings", "look"]).ok().out;
        let (first, second) = (look(), look());
        assert!(own(&first).contains(bundle.id()), "{first}");
        assert_eq!(first, second, "the same one each time");
    }
}

/// Keyrings are found by name: one that somebody has made first would be shared with him.
#[test]
fn nobody_can_make_a_containers_keyring_first() {
    need_root!();
    need_cofferdam!("Debian's runc takes what it finds");
    let bundle = looking();
    let name = format!("_ses.{}", bundle.id());
    let holder = Call::new(&keyrings(), bundle.folder())
        .args(["hold", &name, "/bin/sleep", "1000"])
        .env("COFFERDAM_TEST", bundle.tag())
        .begin();
    harness::eventually("the keyring is there", || {
        std::fs::read_to_string("/proc/keys").is_ok_and(|keys| keys.contains(&name))
    });
    own(&bundle.run().ok().out);
    drop(holder);
}
