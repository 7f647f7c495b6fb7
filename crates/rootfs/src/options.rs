//! Mount options: which there are, and what each one means.

use plan::Attributes;
use sys::mount::{
    MOUNT_ATTR__ATIME, MOUNT_ATTR_NOATIME, MOUNT_ATTR_NODEV, MOUNT_ATTR_NODIRATIME, MOUNT_ATTR_NOEXEC,
    MOUNT_ATTR_NOSUID, MOUNT_ATTR_NOSYMFOLLOW, MOUNT_ATTR_RDONLY, MOUNT_ATTR_RELATIME, MOUNT_ATTR_STRICTATIME,
};

/// What an option means.
#[derive(Debug, Clone, Copy)]
enum Meaning {
    /// Nothing: the default, or a flag that the kernel ignores.
    Nothing,
    /// Set a flag of the mount.
    Set(u32),
    /// Clear it.
    Clear(u32),
    /// When access times are written: the three exclude one another.
    Atime(u32),
    /// Not that way: an earlier option of the same list counts no more.
    NotAtime(u32),
    /// Set a flag of the mount and all below.
    SetAll(u32),
    /// Clear it there.
    ClearAll(u32),
    /// As [`Meaning::Atime`], for all below too.
    AtimeAll(u32),
    /// Set a flag of the file system.
    Superblock(&'static str),
    /// Clear it.
    NotSuperblock(&'static str),
    /// `MS_*` of propagation.
    Propagation(u32),
    /// A bind, with all below where true.
    Bind(bool),
    /// Change what is mounted already.
    Remount,
    /// Map ids, of all below too where true.
    IdMap(bool),
    /// Copy what the mount hides into it.
    CopyUp,
}

use Meaning::{
    Atime, AtimeAll, Bind, Clear, ClearAll, CopyUp, IdMap, NotAtime, NotSuperblock, Nothing, Propagation, Remount, Set,
    SetAll, Superblock,
};

/// `MS_REC` and the four kinds of propagation.
pub(crate) const REC: u32 = 1 << 14;
pub(crate) const UNBINDABLE: u32 = 1 << 17;
pub(crate) const PRIVATE: u32 = 1 << 18;
pub(crate) const SLAVE: u32 = 1 << 19;
pub(crate) const SHARED: u32 = 1 << 20;

/// Every option that is not a file system's own. Source: runtime-spec config.md, mount(8).
const TABLE: &[(&str, Meaning)] = &[
    ("bind", Bind(false)),
    ("rbind", Bind(true)),
    ("defaults", Nothing),
    ("loud", Nothing),
    ("silent", Nothing),
    // ext4, xfs and btrfs always have it; the mount API has no word for it.
    ("iversion", Nothing),
    ("noiversion", Nothing),
    ("ro", Set(MOUNT_ATTR_RDONLY)),
    ("rw", Clear(MOUNT_ATTR_RDONLY)),
    ("nosuid", Set(MOUNT_ATTR_NOSUID)),
    ("suid", Clear(MOUNT_ATTR_NOSUID)),
    ("nodev", Set(MOUNT_ATTR_NODEV)),
    ("dev", Clear(MOUNT_ATTR_NODEV)),
    ("noexec", Set(MOUNT_ATTR_NOEXEC)),
    ("exec", Clear(MOUNT_ATTR_NOEXEC)),
    ("nosymfollow", Set(MOUNT_ATTR_NOSYMFOLLOW)),
    ("symfollow", Clear(MOUNT_ATTR_NOSYMFOLLOW)),
    ("nodiratime", Set(MOUNT_ATTR_NODIRATIME)),
    ("diratime", Clear(MOUNT_ATTR_NODIRATIME)),
    ("noatime", Atime(MOUNT_ATTR_NOATIME)),
    ("atime", NotAtime(MOUNT_ATTR_NOATIME)),
    ("relatime", Atime(MOUNT_ATTR_RELATIME)),
    ("norelatime", NotAtime(MOUNT_ATTR_RELATIME)),
    ("strictatime", Atime(MOUNT_ATTR_STRICTATIME)),
    ("nostrictatime", NotAtime(MOUNT_ATTR_STRICTATIME)),
    ("rro", SetAll(MOUNT_ATTR_RDONLY)),
    ("rrw", ClearAll(MOUNT_ATTR_RDONLY)),
    ("rnosuid", SetAll(MOUNT_ATTR_NOSUID)),
    ("rsuid", ClearAll(MOUNT_ATTR_NOSUID)),
    ("rnodev", SetAll(MOUNT_ATTR_NODEV)),
    ("rdev", ClearAll(MOUNT_ATTR_NODEV)),
    ("rnoexec", SetAll(MOUNT_ATTR_NOEXEC)),
    ("rexec", ClearAll(MOUNT_ATTR_NOEXEC)),
    ("rnosymfollow", SetAll(MOUNT_ATTR_NOSYMFOLLOW)),
    ("rsymfollow", ClearAll(MOUNT_ATTR_NOSYMFOLLOW)),
    ("rnodiratime", SetAll(MOUNT_ATTR_NODIRATIME)),
    ("rdiratime", ClearAll(MOUNT_ATTR_NODIRATIME)),
    ("rnoatime", AtimeAll(MOUNT_ATTR_NOATIME)),
    ("ratime", AtimeAll(MOUNT_ATTR_RELATIME)),
    ("rrelatime", AtimeAll(MOUNT_ATTR_RELATIME)),
    ("rnorelatime", AtimeAll(MOUNT_ATTR_RELATIME)),
    ("rstrictatime", AtimeAll(MOUNT_ATTR_STRICTATIME)),
    ("rnostrictatime", AtimeAll(MOUNT_ATTR_RELATIME)),
    ("sync", Superblock("sync")),
    ("async", NotSuperblock("sync")),
    ("dirsync", Superblock("dirsync")),
    ("lazytime", Superblock("lazytime")),
    ("nolazytime", NotSuperblock("lazytime")),
    ("mand", Superblock("mand")),
    ("nomand", NotSuperblock("mand")),
    ("shared", Propagation(SHARED)),
    ("rshared", Propagation(SHARED | REC)),
    ("slave", Propagation(SLAVE)),
    ("rslave", Propagation(SLAVE | REC)),
    ("private", Propagation(PRIVATE)),
    ("rprivate", Propagation(PRIVATE | REC)),
    ("unbindable", Propagation(UNBINDABLE)),
    ("runbindable", Propagation(UNBINDABLE | REC)),
    ("remount", Remount),
    ("idmap", IdMap(false)),
    ("ridmap", IdMap(true)),
    ("tmpcopyup", CopyUp),
];

/// The names of the options, sorted: what `features` lists.
pub fn known() -> Vec<&'static str> {
    let mut names: Vec<_> = TABLE.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    names
}

/// The propagation of that name.
pub(crate) fn propagation(name: &str) -> Option<u32> {
    match TABLE.iter().find(|(known, _)| *known == name)?.1 {
        Propagation(flags) => Some(flags),
        _ => None,
    }
}

/// The options of one mount, sorted by what they are about.
#[derive(Debug, Clone, Default)]
pub(crate) struct Options<'a> {
    /// `bind`: false, `rbind`: true.
    pub bind: Option<bool>,
    pub remount: bool,
    pub copy_up: bool,
    /// `idmap`: false, `ridmap`: true.
    pub id_map: Option<bool>,
    /// Flags of the file system.
    pub superblock: Vec<&'static str>,
    /// The file system's own options.
    pub own: Vec<&'a str>,
    set: u32,
    clear: u32,
    atime: Option<u32>,
    recursive_set: u32,
    recursive_clear: u32,
    propagation: [u32; 2],
    /// A flag of any kind was named.
    flagged: bool,
}

impl<'a> Options<'a> {
    /// Sorts options; where two contradict one another the later one counts.
    pub(crate) fn new(options: impl IntoIterator<Item = &'a str>) -> Self {
        let mut sorted = Options::default();
        for option in options {
            match TABLE.iter().find(|(name, _)| *name == option) {
                Some((_, meaning)) => sorted.add(*meaning),
                None => sorted.own.push(option),
            }
        }
        sorted
    }

    fn add(&mut self, meaning: Meaning) {
        match meaning {
            Nothing => {}
            Set(flag) => (self.set, self.clear) = (self.set | flag, self.clear & !flag),
            Clear(flag) => (self.set, self.clear) = (self.set & !flag, self.clear | flag),
            Atime(mode) => self.atime = Some(mode),
            NotAtime(mode) => self.atime = self.atime.filter(|chosen| *chosen != mode),
            SetAll(flag) => {
                self.recursive_set |= flag;
                self.recursive_clear &= !flag;
            }
            ClearAll(flag) => {
                self.recursive_set &= !flag;
                self.recursive_clear |= flag;
            }
            AtimeAll(mode) => {
                // One field: it must be cleared whole. mount_setattr(2).
                self.recursive_set = self.recursive_set & !MOUNT_ATTR__ATIME | mode;
                self.recursive_clear |= MOUNT_ATTR__ATIME;
            }
            Superblock(flag) => self.superblock.push(flag),
            NotSuperblock(flag) => self.superblock.retain(|set| *set != flag),
            Propagation(flags) => {
                let [_, last] = self.propagation;
                self.propagation = [last, flags];
            }
            Bind(recursive) => self.bind = Some(recursive || self.bind == Some(true)),
            Remount => self.remount = true,
            IdMap(recursive) => self.id_map = Some(recursive),
            CopyUp => self.copy_up = true,
        }
        self.flagged |=
            matches!(meaning, Set(_) | Clear(_) | Atime(_) | NotAtime(_) | Superblock(_) | NotSuperblock(_));
    }

    /// Whether the mount is asked to be read-only.
    pub(crate) fn read_only(&self) -> bool {
        self.set & MOUNT_ATTR_RDONLY != 0
    }

    /// The flags of a mount that is new.
    pub(crate) fn fresh(&self) -> Attributes {
        Attributes { set: u64::from(self.set | self.atime.unwrap_or(0)), ..self.below() }
    }

    /// The flags of a mount that has some already, from its source or from before. Where any is named, the flags
    /// are exactly the named ones (but locked ones that nobody asks to be cleared stay); access times are left
    /// alone unless a mode for them is named. This is how runc reads "as mount(8)".
    pub(crate) fn over_old(&self) -> Attributes {
        if !self.flagged {
            return self.below();
        }
        let lockable = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
        let atime = self.atime.is_some() || self.set & MOUNT_ATTR_NODIRATIME != 0;
        let replaced = if atime { MOUNT_ATTR__ATIME | MOUNT_ATTR_NODIRATIME } else { 0 };
        let clear = (self.clear & !MOUNT_ATTR_NODIRATIME | MOUNT_ATTR_NOSYMFOLLOW | replaced) & !self.set;
        Attributes {
            set: u64::from(self.set | self.atime.unwrap_or(0)),
            clear: u64::from(clear),
            clear_unlocked: u64::from(lockable & !self.set & !self.clear),
            ..self.below()
        }
    }

    fn below(&self) -> Attributes {
        Attributes {
            recursive_set: u64::from(self.recursive_set),
            recursive_clear: u64::from(self.recursive_clear),
            propagation: self.propagation,
            ..Attributes::default()
        }
    }
}
