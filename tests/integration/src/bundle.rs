//! Bundles, and the container that a test makes of one.

use crate::attempt::{PATIENCE, eventually, until};
use crate::call::{Call, Outcome};
use crate::footprint::{Footprint, pids};
use crate::{host, programs};
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A bundle with a root file system of busybox and the probe, and the state folder of its runtime. Dropping
/// it removes all that its test left.
#[derive(Debug)]
pub struct Bundle {
    /// What goes into config.json.
    pub config: Value,
    folder: PathBuf,
    tag: String,
}

impl Default for Bundle {
    fn default() -> Self {
        Bundle::new()
    }
}

impl Bundle {
    /// A bundle whose program is the probe.
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let tag = format!("cft{}x{}x", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(format!("cofferdam-{tag}"));
        fs::create_dir_all(&folder).expect("the bundle's folder");
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).expect("its mode");
        root_file_system(&folder.join("rootfs"));
        let bundle = Bundle { config: config(&tag), folder, tag };
        bundle.write();
        bundle
    }

    /// A bundle whose program is a command of busybox's shell.
    pub fn of_shell(script: &str) -> Self {
        let bundle = Bundle::new();
        bundle.with("/process/args", json!(["/bin/sh", "-c", script]))
    }

    /// A bundle whose program does nothing for long.
    pub fn of_sleep() -> Self {
        Bundle::new().with("/process/args", json!(["/bin/sleep", "1000"]))
    }

    /// Sets a place of the config, named by JSON pointer; what is missing on the way is made.
    #[must_use]
    pub fn with(mut self, pointer: &str, value: Value) -> Self {
        self.set(pointer, value);
        self
    }

    /// Sets a place of the config.
    pub fn set(&mut self, pointer: &str, value: Value) {
        let mut place = &mut self.config;
        for key in pointer.split('/').skip(1) {
            let key = key.replace("~1", "/").replace("~0", "~");
            place = child(place, &key);
        }
        *place = value;
        self.write();
    }

    /// Takes a key out of the config.
    pub fn remove(&mut self, pointer: &str) {
        let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
        self.config.pointer_mut(parent).and_then(Value::as_object_mut).expect("an object").remove(key);
        self.write();
    }

    /// Gives the program a capability more.
    #[must_use]
    pub fn with_capability(mut self, name: &str) -> Self {
        for set in ["bounding", "effective", "permitted"] {
            self.set(&format!("/process/capabilities/{set}/-"), json!(name));
        }
        self
    }

    /// Gives the container a user namespace, whose root is uid 100000 of the host.
    #[must_use]
    pub fn in_user_namespace(self) -> Self {
        let mapping = json!([{"containerID": 0, "hostID": 100_000, "size": 65_536}]);
        let bundle = self.with("/linux/namespaces/-", json!({"type": "user"}));
        bundle.with("/linux/uidMappings", mapping.clone()).with("/linux/gidMappings", mapping)
    }

    /// Takes a kind out of the list of namespaces.
    #[must_use]
    pub fn without_namespace(mut self, kind: &str) -> Self {
        self.config["linux"]["namespaces"].as_array_mut().expect("namespaces").retain(|one| one["type"] != kind);
        self.write();
        self
    }

    /// Takes the mounts of these types out of the list.
    #[must_use]
    pub fn without_mounts(mut self, kinds: &[&str]) -> Self {
        let mounts = self.config["mounts"].as_array_mut().expect("mounts");
        mounts.retain(|mount| !mount["type"].as_str().is_some_and(|kind| kinds.contains(&kind)));
        self.write();
        self
    }

    fn write(&self) {
        let text = serde_json::to_vec_pretty(&self.config).expect("JSON");
        fs::write(self.folder.join("config.json"), text).expect("config.json");
    }

    /// The bundle's folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A path in the root file system.
    pub fn rootfs(&self, path: &str) -> PathBuf {
        self.folder.join("rootfs").join(path.trim_start_matches('/'))
    }

    /// The folder of the runtime's state.
    pub fn state_folder(&self) -> PathBuf {
        self.folder.join("state")
    }

    /// Mounts a new tmpfs on the host, on a folder of the bundle that is made for it.
    pub fn mount_on_host(&self, path: &str, flags: MountFlags) -> PathBuf {
        let target = self.folder.join(path);
        fs::create_dir_all(&target).expect("a folder");
        mount("t", &target, "tmpfs", flags, None).expect("a tmpfs");
        target
    }

    /// What all that belongs to this bundle carries in its name.
    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// The container's id.
    pub fn id(&self) -> &str {
        &self.tag
    }

    /// The container's cgroup in a controller's hierarchy.
    pub fn cgroup(&self, controller: &str) -> PathBuf {
        let top = host::hierarchy(controller).unwrap_or_else(|| panic!("no controller {controller}"));
        let path = self.config["linux"]["cgroupsPath"].as_str().expect("cgroupsPath");
        top.join(path.trim_start_matches('/'))
    }

    /// What a file of the container's cgroup says, under its v1 or its v2 name.
    #[track_caller]
    pub fn cgroup_file(&self, controller: &str, v1: &str, v2: &str) -> String {
        let folder = self.cgroup(controller);
        let path = folder.join(if folder.join("cgroup.controllers").exists() { v2 } else { v1 });
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).trim().to_owned()
    }

    /// A call of the runtime with this bundle's state folder, from the bundle's folder.
    pub fn call<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Call {
        self.call_of(&programs::runtime(), arguments)
    }

    /// The same of another runtime.
    pub fn call_of<'a>(&self, runtime: &Path, arguments: impl IntoIterator<Item = &'a str>) -> Call {
        let root = self.state_folder();
        Call::new(runtime, &self.folder)
            .args(["--root".as_ref(), root.as_os_str()])
            .args(arguments)
            .cwd(&self.folder)
            .env("COFFERDAM_TEST", self.tag.as_str())
    }

    /// The same, by a shell that does something first: opens files, sets its umask.
    pub fn call_after<'a>(&self, first: &str, arguments: impl IntoIterator<Item = &'a str>) -> Call {
        let (runtime, root) = (programs::runtime(), self.state_folder());
        Call::new("/bin/sh".as_ref(), &self.folder)
            .args(["-c", &format!("{first}; exec \"$@\""), "sh"])
            .args([runtime.as_os_str(), "--root".as_ref(), root.as_os_str()])
            .args(arguments)
            .cwd(&self.folder)
            .env("COFFERDAM_TEST", self.tag.as_str())
    }

    /// `run`: what came of it.
    #[track_caller]
    pub fn run(&self) -> Outcome {
        self.call(["run", self.id()]).outcome()
    }

    /// Runs the probe with `questions` in a new container: what it saw.
    #[track_caller]
    pub fn probe(&mut self, questions: &[&str]) -> Value {
        let arguments: Vec<&str> = ["/probe"].iter().chain(questions).copied().collect();
        self.set("/process/args", json!(arguments));
        seen(&self.run().ok())
    }

    /// `create`.
    #[track_caller]
    pub fn create(&self) -> Outcome {
        self.call(["create", self.id()]).outcome()
    }

    /// `create`, which succeeds, then `start`.
    #[track_caller]
    pub fn up(&self) {
        self.create().ok();
        self.call(["start", self.id()]).ok();
    }

    /// `exec` of a command.
    #[track_caller]
    pub fn exec(&self, command: &[&str]) -> Outcome {
        self.call(["exec", self.id()].into_iter().chain(command.iter().copied())).outcome()
    }

    /// `exec` of the probe: what it saw. `options` are exec's own.
    #[track_caller]
    pub fn exec_probe(&self, options: &[&str], questions: &[&str]) -> Value {
        let arguments = ["exec"].iter().chain(options).copied().chain([self.id(), "/probe"]);
        seen(&self.call(arguments.chain(questions.iter().copied())).ok())
    }

    /// `exec --process`: what came of it.
    #[track_caller]
    pub fn exec_process(&self, process: &Value) -> Outcome {
        let path = self.folder.join("process.json");
        fs::write(&path, process.to_string()).expect("process.json");
        self.call(["exec", "--process", path.to_str().expect("UTF-8"), self.id()]).outcome()
    }

    /// `state`.
    #[track_caller]
    pub fn state(&self) -> Value {
        let outcome = self.call(["state", self.id()]).ok();
        serde_json::from_str(&outcome.out).unwrap_or_else(|error| panic!("{error}: {outcome}"))
    }

    /// The status that `state` tells.
    #[track_caller]
    pub fn status(&self) -> String {
        self.state()["status"].as_str().expect("a status").to_owned()
    }

    /// The pid that `state` tells.
    #[track_caller]
    pub fn pid(&self) -> u32 {
        self.state()["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok()).expect("a pid")
    }

    /// Waits until `state` tells `status`.
    #[track_caller]
    pub fn await_status(&self, status: &str) {
        eventually(status, || self.status() == status);
    }

    /// `kill`, which succeeds.
    #[track_caller]
    pub fn kill(&self, signal: &str) {
        self.call(["kill", self.id(), signal]).ok();
    }

    /// `delete`.
    #[track_caller]
    pub fn delete(&self) -> Outcome {
        self.call(["delete", self.id()]).outcome()
    }

    /// What the host keeps of the container.
    pub fn footprint(&self) -> Footprint {
        Footprint::of(&self.tag, &self.state_folder())
    }

    /// Fails the test if the host keeps anything. What ends by itself (a process that was killed) has a
    /// moment to do so.
    #[track_caller]
    pub fn assert_nothing_left(&self) {
        let gone = until(std::time::Duration::from_secs(2), || self.footprint().is_empty());
        assert!(gone, "left over: {:#?}", self.footprint());
    }
}

/// What is at `key` of an object or a list; `-` is a new item.
fn child<'v>(parent: &'v mut Value, key: &str) -> &'v mut Value {
    if let Value::Array(items) = parent {
        if key == "-" {
            items.push(Value::Null);
        }
        let index = key.parse().unwrap_or(items.len() - 1);
        return &mut items[index];
    }
    &mut parent[key]
}

/// What the probe printed.
#[track_caller]
pub fn seen(outcome: &Outcome) -> Value {
    serde_json::from_str(&outcome.out).unwrap_or_else(|error| panic!("{error}: {outcome}"))
}

impl Drop for Bundle {
    fn drop(&mut self) {
        if self.state_folder().join(self.id()).exists() {
            drop(self.call(["delete", "--force", self.id()]).begin().child.wait());
        }
        let nothing = until(PATIENCE, || {
            for pid in pids(&self.tag).into_iter().filter_map(|pid| Pid::from_raw(pid.cast_signed())) {
                let _gone_already = kill_process(pid, Signal::KILL);
            }
            pids(&self.tag).is_empty()
        });
        let left = self.footprint();
        for mount in left.mounts.iter().rev().filter_map(|line| line.split(' ').nth(4)) {
            let _busy = unmount(mount, UnmountFlags::DETACH);
        }
        for cgroup in left.cgroups.iter().rev() {
            drop(fs::remove_dir(cgroup));
        }
        if nothing {
            drop(fs::remove_dir_all(&self.folder));
        }
    }
}

fn root_file_system(root: &Path) {
    let folders = ["bin", "dev", "etc", "proc", "root", "run", "sys", "tmp", "home/u", "var/tmp"];
    for folder in folders {
        fs::create_dir_all(root.join(folder)).expect("a folder");
    }
    fs::set_permissions(root.join("tmp"), fs::Permissions::from_mode(0o1777)).expect("the mode of /tmp");
    programs::copy(&programs::busybox(), &root.join("bin/busybox"));
    programs::copy(&programs::probe(), &root.join("probe"));
    for applet in APPLETS.split_whitespace() {
        symlink("busybox", root.join("bin").join(applet)).expect("a link");
    }
    let passwd = "root:x:0:0:root:/root:/bin/sh\nu:x:1000:1000:u:/home/u:/bin/sh\n";
    fs::write(root.join("etc/passwd"), passwd).expect("passwd");
    fs::write(root.join("etc/group"), "root:x:0:\nu:x:1000:\n").expect("group");
}

const APPLETS: &str = "cat chmod chown cp dd dmesg echo env false find grep head hostname id ifconfig ionice ip kill \
    ln ls mkdir mknod mount mv nice nproc ping ps pwd readlink renice rm rmdir sed sh sleep stat stty sync \
    tail tee test touch tr true tty ulimit umount uname wc xargs";

/// The config that every test begins with: near to what engines ask for.
fn config(tag: &str) -> Value {
    let capabilities = json!([
        "CAP_AUDIT_WRITE",
        "CAP_CHOWN",
        "CAP_DAC_OVERRIDE",
        "CAP_FOWNER",
        "CAP_KILL",
        "CAP_MKNOD",
        "CAP_NET_BIND_SERVICE",
        "CAP_SETGID",
        "CAP_SETUID",
        "CAP_SYS_CHROOT"
    ]);
    json!({
        "ociVersion": "1.0.2",
        "process": {
            "terminal": false,
            "user": {"uid": 0, "gid": 0},
            "args": ["/probe"],
            "env": ["PATH=/bin", format!("COFFERDAM_TEST={tag}")],
            "cwd": "/",
            "capabilities": {
                "bounding": capabilities, "effective": capabilities, "permitted": capabilities,
            },
            "noNewPrivileges": true,
        },
        "root": {"path": "rootfs", "readonly": false},
        "hostname": "inside",
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
                "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]},
            {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
                "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]},
            {"destination": "/dev/shm", "type": "tmpfs", "source": "shm",
                "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]},
            {"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue",
                "options": ["nosuid", "noexec", "nodev"]},
            {"destination": "/sys", "type": "sysfs", "source": "sysfs",
                "options": ["nosuid", "noexec", "nodev", "ro"]},
            {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup",
                "options": ["nosuid", "noexec", "nodev", "relatime", "ro"]},
        ],
        "linux": {
            "cgroupsPath": format!("/cofferdam-test-{tag}"),
            "resources": {"devices": [{"allow": false, "access": "rwm"}]},
            "namespaces": [
                {"type": "pid"}, {"type": "network"}, {"type": "ipc"}, {"type": "uts"}, {"type": "mount"},
            ],
            "maskedPaths": ["/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware"],
            "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
        },
    })
}
