//! The config's mounts, each in its order.

use crate::cgroup;
use crate::entry::{Ready, options};
use crate::error::Error;
use crate::facts::{Descriptors, Facts, UserNamespace};
use crate::options::Options;
use crate::path::{List, inside, is, path_text, text};
use crate::protected::held;
use plan::{Attributes, Bind, Handle, Mount, Source, Step, Text, Writer};
use spec::oci::{LinuxNamespaceType, Mount as Entry, Spec};
use spec::{Namespace, is_bind, namespace};
use std::borrow::Cow;
use std::collections::HashSet;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use sys::mount::MOUNT_ATTR_RDONLY;

/// What lxcfs and its like may stand in for; nothing else may be mounted inside `/proc`.
const STAND_INS: [&str; 10] = [
    "/proc/cpuinfo",
    "/proc/diskstats",
    "/proc/loadavg",
    "/proc/meminfo",
    "/proc/slabinfo",
    "/proc/stat",
    "/proc/swaps",
    "/proc/uptime",
    "/proc/sys/crypto/fips_enabled",
    "/proc/sys/kernel/ns_last_pid",
];

/// Mounts each entry of `/mounts`.
///
/// # Errors
/// Where an entry can't be carried out, whatever the host is like.
pub fn mounts(spec: &Spec, facts: &Facts, descriptors: Descriptors<'_>, plan: &mut Writer) -> Result<(), Error> {
    let mut planner = Planner { spec, facts, held: held(spec, facts), descriptors, plan };
    for (index, entry) in spec.mounts().iter().flatten().enumerate() {
        planner.entry(index, entry)?;
    }
    Ok(())
}

/// The mounts that are made writable first, since more is still put into them, and made read-only at the end:
/// every tmpfs, and `/dev`.
pub(crate) fn read_only_later<'s>(
    spec: &'s Spec,
    facts: &'s Facts,
) -> impl Iterator<Item = (usize, Cow<'s, Path>)> + 's {
    let mounts = spec.mounts().iter().flatten().enumerate().filter(|(_, entry)| !is_bind(entry));
    mounts.filter_map(|(index, entry)| {
        let options = options(entry);
        let target = inside(entry.destination(), &facts.rootfs);
        (options.read_only() && later(entry, &options, &target)).then_some((index, target))
    })
}

/// Of a mount that is no bind.
fn later(entry: &Entry, options: &Options<'_>, target: &Path) -> bool {
    let kind = entry.typ().as_deref().unwrap_or_default();
    !options.remount && (kind == "tmpfs" || is(target, "/dev"))
}

struct Planner<'s, 'w> {
    spec: &'s Spec,
    facts: &'s Facts,
    /// The entries that protected paths lie in.
    held: HashSet<usize>,
    descriptors: Descriptors<'w>,
    plan: &'w mut Writer,
}

impl<'s> Planner<'s, '_> {
    fn entry(&mut self, index: usize, entry: &'s Entry) -> Result<(), Error> {
        let ready = Ready {
            place: format!("/mounts/{index}"),
            target: inside(entry.destination(), &self.facts.rootfs),
            source: entry.source().as_deref().unwrap_or(Path::new("")),
            options: options(entry),
            held: self.held.contains(&index),
        };
        check_target(entry, &ready)?;
        let mapped = entry.uid_mappings().is_some() || entry.gid_mappings().is_some() || ready.options.id_map.is_some();
        if mapped && !is_bind(entry) {
            return Err(Error::Misplaced { place: ready.place, option: "idmap", on: "bind mounts" });
        }
        if ready.options.remount {
            return self.remount(entry, &ready);
        }
        if is_bind(entry) {
            return self.bind(entry, &ready, mapped);
        }
        let kind = entry.typ().as_deref().unwrap_or_default();
        if ready.options.copy_up && kind != "tmpfs" {
            return Err(Error::Misplaced { place: ready.place, option: "tmpcopyup", on: "a tmpfs" });
        }
        let own_root = namespace(self.spec, LinuxNamespaceType::Cgroup) == Namespace::New;
        match kind {
            "cgroup" => cgroup::mount(&ready, &self.facts.cgroup, own_root, self.plan),
            "cgroup2" => cgroup::unified(&ready, &self.facts.cgroup, own_root, self.plan),
            // A new one needs a user namespace that owns the network or PID namespace: show the host's.
            "sysfs" if self.has(LinuxNamespaceType::User) && !self.has(LinuxNamespaceType::Network) => {
                self.host("/sys", &ready)
            }
            "proc" if self.has(LinuxNamespaceType::User) && !self.has(LinuxNamespaceType::Pid) => {
                self.host("/proc", &ready)
            }
            kind => self.mount(kind, &ready, later(entry, &ready.options, &ready.target)),
        }
    }

    fn has(&self, kind: LinuxNamespaceType) -> bool {
        namespace(self.spec, kind) != Namespace::Inherited
    }

    fn mount(&mut self, kind: &str, ready: &Ready<'_>, later: bool) -> Result<(), Error> {
        let Ready { place, target, source, options, .. } = ready;
        let has = |key| options.own.iter().any(|option| option.starts_with(key));
        let mut list = List::default();
        for option in &options.superblock {
            list.push(place, option)?;
        }
        // Of these others may have the same instance: only this mount of it is made read-only.
        let alone = !matches!(kind, "proc" | "sysfs" | "mqueue" | "devpts" | "tmpfs");
        if options.read_only() && alone {
            list.push(place, "ro")?;
        }
        for option in &options.own {
            list.push(place, &unquoted(option))?;
        }
        // The kernel can't label these.
        let labelled = matches!(kind, "proc" | "sysfs" | "mqueue") || has("context=");
        if let Some(label) = label(self.spec, self.facts).filter(|_| !labelled) {
            list.push(place, &format!("context={label}"))?;
        }
        let mut attributes = options.fresh();
        if later {
            attributes.set &= !u64::from(MOUNT_ATTR_RDONLY);
        }
        let keep_mode = kind == "tmpfs" && !has("mode=");
        let plain_target = matches!(kind, "proc" | "sysfs");
        let (kind, source, target) = (text(place, kind)?, path_text(place, source)?, path_text(place, target)?);
        let step = Step::Mount(Mount {
            kind: Text(&kind),
            source: Text(&source),
            target: Text(&target),
            options: list.lend(),
            attributes,
            copy_up: options.copy_up,
            keep_mode,
            plain_target,
            held: ready.held,
        });
        self.plan.push(place, step);
        Ok(())
    }

    fn bind(&mut self, entry: &Entry, ready: &Ready<'_>, mapped: bool) -> Result<(), Error> {
        let Ready { place, target, source, options, .. } = ready;
        if let Some(option) = options.own.first() {
            return Err(Error::BindOption { place: place.clone(), option: (*option).to_owned() });
        }
        if options.copy_up {
            return Err(Error::Misplaced { place: place.clone(), option: "tmpcopyup", on: "a tmpfs" });
        }
        let id_map = if mapped { Some((self.id_map(entry), options.id_map == Some(true))) } else { None };
        let (source, target) = (path_text(place, &self.facts.bundle.join(source))?, path_text(place, target)?);
        let step = Step::Bind(Bind {
            source: if self.has(LinuxNamespaceType::User) {
                Source::Asked(Text(&source))
            } else {
                Source::Path(Text(&source))
            },
            target: Text(&target),
            recursive: options.bind == Some(true),
            attributes: options.over_old(),
            id_map,
            plain_target: false,
            held: ready.held,
        });
        self.plan.push(place, step);
        Ok(())
    }

    fn remount(&mut self, entry: &Entry, ready: &Ready<'_>) -> Result<(), Error> {
        let Ready { place, target, options, .. } = ready;
        let mut list = List::default();
        for option in options.superblock.iter().chain(&options.own) {
            list.push(place, &unquoted(option))?;
        }
        let target = path_text(place, target)?;
        let (attributes, bind) = (options.over_old(), is_bind(entry));
        self.plan.push(place, Step::Remount { target: Text(&target), attributes, options: list.lend(), bind });
        Ok(())
    }

    /// Binds the host's `/proc` or `/sys`, read-only with all below where it is `/sys`: the cgroups in it are
    /// the host's.
    fn host(&mut self, path: &str, ready: &Ready<'_>) -> Result<(), Error> {
        let Ready { place, target, options, .. } = ready;
        let mut attributes = Attributes { propagation: [0; 2], ..options.over_old() };
        (attributes.clear, attributes.clear_unlocked) = (0, 0);
        if path == "/sys" {
            attributes.recursive_set |= u64::from(MOUNT_ATTR_RDONLY);
        }
        let (source, target) = (text(place, path)?, path_text(place, target)?);
        let step = Step::Bind(Bind {
            source: Source::Path(Text(&source)),
            target: Text(&target),
            recursive: true,
            attributes,
            id_map: None,
            plain_target: true,
            held: ready.held,
        });
        self.plan.push(place, step);
        Ok(())
    }

    /// The user namespace whose maps an id-mapped bind takes: one with its own maps, or the container's.
    fn id_map(&mut self, entry: &Entry) -> Handle {
        let linux = self.spec.linux().as_ref();
        let uids = entry.uid_mappings().as_ref().filter(|map| !map.is_empty());
        let gids = entry.gid_mappings().as_ref().filter(|map| !map.is_empty());
        let wanted = match (uids, gids, namespace(self.spec, LinuxNamespaceType::User)) {
            (None, None, Namespace::Joined(path)) => UserNamespace::Joined(path.to_owned()),
            (None, None, _) => UserNamespace::Mapped {
                uids: linux.and_then(|linux| linux.uid_mappings().clone()).unwrap_or_default(),
                gids: linux.and_then(|linux| linux.gid_mappings().clone()).unwrap_or_default(),
            },
            (uids, gids, _) => UserNamespace::Mapped {
                uids: uids.cloned().unwrap_or_default(),
                gids: gids.cloned().unwrap_or_default(),
            },
        };
        (self.descriptors)(wanted)
    }
}

/// The SELinux label of the container's mounts, where SELinux is on.
pub(crate) fn label<'s>(spec: &'s Spec, facts: &Facts) -> Option<&'s str> {
    let label = spec.linux().as_ref()?.mount_label().as_deref()?;
    (facts.selinux && !label.is_empty()).then_some(label)
}

/// `context="a:b:c"` as fsconfig(2) takes it: the quotes are mount(8)'s, to keep commas.
fn unquoted(option: &str) -> std::borrow::Cow<'_, str> {
    match option.split_once('=') {
        Some((key, value)) if key.ends_with("context") => {
            let bare = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
            format!("{key}={bare}").into()
        }
        _ => option.into(),
    }
}

fn check_target(entry: &Entry, ready: &Ready<'_>) -> Result<(), Error> {
    let target: &Path = &ready.target;
    let (place, destination) = (|| ready.place.clone(), || target.display().to_string());
    if is(target, "/") {
        return Err(Error::OverRoot { place: place(), destination: entry.destination().display().to_string() });
    }
    match target.as_os_str().as_bytes().strip_prefix(b"/proc") {
        Some([]) => {
            let allowed = entry.typ().as_deref() == Some("proc") || is_bind(entry) || ready.options.remount;
            if allowed { Ok(()) } else { Err(Error::NotProc { place: place(), destination: destination() }) }
        }
        Some([b'/', ..]) if !STAND_INS.iter().any(|path| is(target, path)) => {
            Err(Error::InsideProc { place: place(), destination: destination() })
        }
        _ => Ok(()),
    }
}
