//! Sentences for what init reports: it sends a step's number and the kernel's answer, the plan knows the rest.

use crate::error::Error;
use crate::trace;
use plan::{Bind, Bytes, Failure, Placed, Reader, Source, Step, Text, Writer};
use rustix::fd::{AsFd, OwnedFd};
use rustix::mount::{OpenTreeFlags, open_tree};
use std::cell::Cell;
use std::ffi::CStr;
use sys::Errno;
use sys::mount::{Attributes, MOUNT_ATTR_IDMAP, set_attributes};

/// The steps of a plan, to speak about them.
#[derive(Debug)]
pub struct Sentences<'a> {
    steps: Option<Reader<'a>>,
    /// Whether the CPUs are limited.
    cpuset: bool,
    last: Cell<Option<u32>>,
}

impl<'a> Sentences<'a> {
    /// About a plan, where the CPUs are limited or not.
    pub(crate) fn of(steps: &'a Writer, cpuset: bool) -> Self {
        Sentences { cpuset, ..Sentences::new(steps.steps()) }
    }

    /// About those steps.
    pub(crate) fn new(steps: Reader<'a>) -> Self {
        Sentences { steps: Some(steps), ..Sentences::none() }
    }

    /// About a process whose plan is not at hand.
    pub fn none() -> Self {
        Sentences { steps: None, cpuset: false, last: Cell::new(None) }
    }

    fn step(&self, number: u32) -> Option<Placed<'a>> {
        self.steps.clone()?.nth(usize::try_from(number).ok()?)
    }

    /// The error that a failure means.
    pub fn error(&self, failure: &Failure<'_>) -> Error {
        let placed = self.step(failure.step);
        let what = plain(failure);
        let (setup, sentence) = match placed.map(|placed| placed.step) {
            Some(Step::Exec) => return Error::Exec { sentence: what },
            Some(Step::Program { .. }) => (false, what),
            // The kernel promises times only to those who may use all CPUs: sched_setattr(2).
            Some(Step::Scheduler(_)) if self.cpuset && failure.errno == Errno::PERM.raw_os_error() => {
                (true, format!("process scheduler can't be used together with AllowedCPUs (cpuset): {what}"))
            }
            // What lies below was mounted to hide what is under it: mount_namespaces(7).
            Some(Step::Bind(bind))
                if !bind.recursive && failure.act == "open_tree" && failure.errno == Errno::INVAL.raw_os_error() =>
            {
                let about = about(&Step::Bind(bind)).unwrap_or_default();
                (true, format!("{about}: {what}: a user namespace can't leave out the mounts below it: use rbind"))
            }
            Some(step) => (true, about(&step).map_or(what.clone(), |about| format!("{about}: {what}"))),
            None => (true, what),
        };
        let place = if setup { placed.map(|placed| placed.place.to_owned()) } else { None };
        Error::Init { setup, sentence, place: place.unwrap_or_default() }
    }

    /// The sentence of a warning.
    pub(crate) fn warning(&self, failure: &Failure<'_>) -> String {
        match self.step(failure.step).map(|placed| placed.place) {
            Some(place) if !place.is_empty() => format!("{} ({place})", plain(failure)),
            _ => plain(failure),
        }
    }

    /// The tree that a step asks for, opened here because init may not reach it.
    pub(crate) fn tree(&self, number: u32) -> Result<OwnedFd, Error> {
        let bind = self.bind(number)?;
        let Source::Asked(path) = bind.source else { return Err(Error::Garbled) };
        let mut flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
        if bind.recursive {
            flags |= OpenTreeFlags::AT_RECURSIVE;
        }
        open_tree(rustix::fs::CWD, path.0, flags).map_err(|errno| self.refused(number, "open_tree", path, errno))
    }

    /// Maps the ids of a step's tree, which init may not do in a user namespace.
    pub(crate) fn map_ids(
        &self,
        number: u32,
        tree: &OwnedFd,
        user_namespace: &OwnedFd,
        recursive: bool,
    ) -> Result<(), Error> {
        let attributes = Attributes {
            set: u64::from(MOUNT_ATTR_IDMAP),
            user_namespace: Some(user_namespace.as_fd()),
            ..Attributes::default()
        };
        let target = self.bind(number)?.target;
        set_attributes(tree.as_fd(), recursive, attributes)
            .map_err(|errno| self.refused(number, "mount_setattr (id map)", target, errno))
    }

    fn bind(&self, number: u32) -> Result<Bind<'a>, Error> {
        match self.step(number).map(|placed| placed.step) {
            Some(Step::Bind(bind)) => Ok(bind),
            _ => Err(Error::Garbled),
        }
    }

    fn refused(&self, step: u32, act: &str, object: Text<'_>, errno: Errno) -> Error {
        self.error(&Failure { step, errno: errno.raw_os_error(), act, detail: Bytes(object.bytes()) })
    }

    /// Notes the times of steps.
    pub(crate) fn times(&self, first: u32, ends: &[u8]) {
        let ends = ends.chunks_exact(8).filter_map(|bytes| bytes.try_into().ok().map(u64::from_le_bytes));
        for (number, end) in (first..=u32::MAX).zip(ends) {
            self.last.set(Some(number));
            let name = self.step(number).map(|placed| name(&placed.step)).unwrap_or_default();
            trace::init_step(name, end);
        }
    }

    /// The name of the last step that is known to be done.
    pub(crate) fn last(&self) -> Option<String> {
        self.step(self.last.get()?).map(|placed| name(&placed.step))
    }
}

/// The step's kind and its object: `mount /proc`, on one line.
pub(crate) fn name(step: &Step<'_>) -> String {
    let object = match step {
        Step::Mount(mount) => mount.target,
        Step::Bind(bind) => bind.target,
        Step::Device(device) => device.path,
        Step::Sysctl { path, .. }
        | Step::MaskPath { path, .. }
        | Step::ReadonlyPath { path }
        | Step::Link { path, .. }
        | Step::OpenRoot { path, .. } => *path,
        _ => plan::Text(c""),
    };
    let kind = format!("{step:?}");
    let kind = kind.split(['(', ' ', '{']).next().unwrap_or_default();
    format!("{kind} {}", text(object.0).replace(char::is_control, " ")).trim_end().to_owned()
}

/// What a step was about, in the words that engines and users of runc know; `None` where the failure says it all.
fn about(step: &Step<'_>) -> Option<String> {
    Some(match step {
        Step::Mount(mount) => mounting(&text(mount.source.0), mount.target.0),
        Step::Bind(bind) => match bind.source {
            Source::Path(path) | Source::Asked(path) => mounting(&text(path.0), bind.target.0),
        },
        Step::Remount { target, .. } => format!("error remounting {:?}", text(target.0)),
        Step::SetAttributes { target, .. } => format!("error changing the mount at {:?}", text(target.0)),
        Step::Device(device) => format!("error creating device node {:?}", text(device.path.0)),
        Step::Link { path, .. } => format!("error creating symlink {:?}", text(path.0)),
        Step::Sysctl { path, .. } => format!("error writing sysctl {:?}", text(path.0).replace('/', ".")),
        Step::OpenRoot { path, .. } => format!("error preparing rootfs {:?}", text(path.0)),
        Step::MaskPath { path, .. } => format!("error masking {:?}", text(path.0)),
        Step::ReadonlyPath { path } => format!("error making {:?} read-only", text(path.0)),
        Step::ApparmorProfile { profile } => format!("unable to apply apparmor profile {:?}", text(profile.0)),
        Step::SelinuxLabel { label } => format!("unable to set selinux label {:?}", text(label.0)),
        Step::ResourceLimit { resource, .. } => format!("error setting rlimit {resource}"),
        Step::Capabilities { .. } | Step::BoundingSet { .. } => "unable to apply caps".into(),
        Step::Seccomp(_) => "error loading seccomp filter into kernel".into(),
        Step::WorkingDirectory { path, .. } => format!("chdir to cwd ({:?}) set in config.json failed", text(path.0)),
        Step::Terminal { .. } => "error setting up the terminal".into(),
        _ => return None,
    })
}

fn mounting(source: &str, target: &CStr) -> String {
    format!("error mounting {source:?} to rootfs at {:?}", text(target))
}

/// The kernel's `MAX_ERRNO`.
const MAX_ERRNO: i32 = 4095;

/// `act detail: errno`, each left out where empty. Whatever init says, it is one line.
fn plain(failure: &Failure<'_>) -> String {
    let detail = String::from_utf8_lossy(failure.detail.0);
    let words = [failure.act, detail.trim_end()].into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>();
    let mut words = words.join(" ").replace(char::is_control, " ");
    if (1..=MAX_ERRNO).contains(&failure.errno) {
        let errno = sys::text::errno(Errno::from_raw_os_error(failure.errno));
        words = if words.is_empty() { errno } else { format!("{words}: {errno}") };
    }
    words
}

fn text(text: &CStr) -> String {
    text.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use plan::{Device, Writer};

    fn failure<'a>(errno: i32, act: &'a str, detail: &'a [u8]) -> Failure<'a> {
        Failure { step: 0, errno, act, detail: Bytes(detail) }
    }

    #[test]
    fn whatever_init_says_is_one_line() {
        assert_eq!(plain(&failure(2, "open", b"/x\n")), "open /x: no such file or directory");
        assert_eq!(plain(&failure(0, "", b"a\nb\x1bc\n")), "a b c");
        assert_eq!(plain(&failure(13, "a\nb", b"")), "a b: permission denied");
        let device =
            Device { path: Text(c"/a\nb"), mode: 0, major: 0, minor: 0, uid: 0, gid: 0, from_host: false, exact: true };
        assert_eq!(name(&Step::Device(device)), "Device /a b");
    }

    #[test]
    fn times_of_more_steps_than_there_can_be_are_no_matter() {
        let sentences = Sentences::none();
        sentences.times(u32::MAX - 1, &[0; 8 * 5]);
        assert_eq!(sentences.last(), None);
    }

    #[test]
    fn an_error_number_that_the_kernel_has_not_is_left_out() {
        for errno in [i32::MIN, -1, 4096, i32::MAX] {
            assert_eq!(plain(&failure(errno, "open", b"")), "open");
        }
        let mut steps = Writer::default();
        steps.push("", Step::PivotRoot);
        let error = Sentences::new(steps.steps()).error(&failure(4096, "pivot_root", b"."));
        assert!(error.to_string().ends_with("pivot_root ."), "{error}");
    }
}
