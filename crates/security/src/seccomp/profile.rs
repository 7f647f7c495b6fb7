//! A seccomp section read: which action for which calls, with nothing left that can be wrong.

use super::arch::{self, Arch};
use super::calls;
use crate::Error;
use spec::oci::{LinuxSeccomp, LinuxSeccompAction as Action, LinuxSeccompArg, LinuxSeccompOperator as Operator};

/// `SECCOMP_RET_*` without data.
pub(crate) const ERRNO: u32 = 0x0005_0000;
pub(crate) const NOTIFY: u32 = 0x7fc0_0000;
pub(crate) const TRACE: u32 = 0x7ff0_0000;
pub(crate) const LOG: u32 = 0x7ffc_0000;
pub(crate) const ALLOW: u32 = 0x7fff_0000;
/// The part of a `SECCOMP_RET_*` value that is the action.
pub(crate) const ACTION: u32 = 0xffff_0000;

/// `EPERM`, what a call fails with where the config does not say.
const EPERM: u32 = 1;
/// The kernel's `MAX_ERRNO`.
const MAX_ERRNO: u32 = 4095;

/// Names and alternative conditions of a group multiply: a small config could ask for more memory than there is. A rule
/// takes an instruction at least, of 4096; the rest is for those that say what others have said.
const MOST_RULES: usize = 1 << 15;

/// What a filter is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Profile<'a> {
    /// What no rule is about, as a `SECCOMP_RET_*` value.
    pub(crate) default: u32,
    /// Whose calls it is about, the native one first; those of all others kill the thread.
    pub(crate) arches: Vec<Arch>,
    /// The calls that it names, with repetitions.
    pub(crate) names: Vec<&'a str>,
    /// All rules but those that do what is done anyway, in order.
    pub(crate) rules: Vec<Rule>,
}

/// What is done with a call whose arguments meet all conditions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rule {
    /// The call, by its place in [`Profile::names`].
    pub(crate) call: usize,
    /// A `SECCOMP_RET_*` value.
    pub(crate) action: u32,
    /// At most one for each argument.
    pub(crate) conditions: Vec<Condition>,
}

/// A test of an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Condition {
    /// Which argument, 0 to 5.
    pub(crate) index: u8,
    /// Which test.
    pub(crate) operator: Operator,
    /// The bits that count: all, but for `MASKED_EQ`.
    pub(crate) mask: u64,
    /// What they are compared with.
    pub(crate) value: u64,
}

/// Reads a section. The second value lists the names that mean nothing here; they are left out, because a
/// profile may be newer than this program.
pub(crate) fn read(section: &LinuxSeccomp) -> Result<(Profile<'_>, Vec<&str>), Error> {
    let default = action(section.default_action(), section.default_errno_ret(), "/linux/seccomp/defaultErrnoRet")?;
    if default == NOTIFY {
        return Err(Error::value("/linux/seccomp/defaultAction", "SCMP_ACT_NOTIFY cannot be used as default action"));
    }
    let listed = section.architectures().as_deref().unwrap_or_default();
    if let Some(index) = listed.iter().position(|arch| !arch::supported(*arch)) {
        let place = format!("/linux/seccomp/architectures/{index}");
        return Err(Error::value(place, format!("{} is not supported by this libseccomp", listed[index])));
    }
    let mut profile = Profile { default, arches: arch::of(listed), rules: Vec::new(), names: Vec::new() };
    let mut unknown = Vec::new();
    for (group, calls) in section.syscalls().iter().flatten().enumerate() {
        let place = format!("/linux/seccomp/syscalls/{group}");
        let action = action(calls.action(), calls.errno_ret(), &format!("{place}/errnoRet"))?;
        let conditions = conditions(calls.args().as_deref().unwrap_or_default(), &place)?;
        for (index, name) in calls.names().iter().enumerate() {
            if name.is_empty() {
                return Err(Error::value(format!("{place}/names/{index}"), "empty string is not a valid syscall"));
            }
            if action == NOTIFY && name == "write" {
                // Init tells the runtime process of the notify descriptor with write(2), under the filter.
                let why = "SCMP_ACT_NOTIFY cannot be used for the write syscall";
                return Err(Error::value(format!("{place}/names/{index}"), why));
            }
            if !calls::known(name) {
                unknown.push(name.as_str());
                continue;
            }
            if action != default {
                let call = profile.names.len();
                let rule = |conditions: &Vec<_>| Rule { call, action, conditions: conditions.clone() };
                profile.rules.extend(conditions.iter().map(rule));
                if profile.rules.len() > MOST_RULES {
                    let why = format!("more than {MOST_RULES} rules; no filter can hold them");
                    return Err(Error::value(format!("{place}/names/{index}"), why));
                }
            }
            profile.names.push(name);
        }
    }
    Ok((profile, unknown))
}

/// The conditions of a group, for each rule that it stands for. Two of the same argument are alternatives, as
/// in runc: then each of the group's conditions makes a rule of its own.
fn conditions(args: &[LinuxSeccompArg], place: &str) -> Result<Vec<Vec<Condition>>, Error> {
    let mut all = Vec::with_capacity(args.len());
    for (at, arg) in args.iter().enumerate() {
        let index = u8::try_from(arg.index()).ok().filter(|index| *index < 6).ok_or_else(|| {
            let why = format!("{} is not the index of an argument; 0 to 5 is allowed", arg.index());
            Error::value(format!("{place}/args/{at}/index"), why)
        })?;
        let (mask, value) = match arg.op() {
            Operator::ScmpCmpMaskedEq => (arg.value(), arg.value_two().unwrap_or(0)),
            _ => (u64::MAX, arg.value()),
        };
        all.push(Condition { index, operator: arg.op(), mask, value: value & mask });
    }
    let repeated = all.iter().enumerate().any(|(at, one)| all.iter().take(at).any(|before| before.index == one.index));
    Ok(if repeated { all.into_iter().map(|one| vec![one]).collect() } else { vec![all] })
}

/// The `SECCOMP_RET_*` value of an action.
fn action(action: Action, errno: Option<u32>, place: &str) -> Result<u32, Error> {
    let (value, highest) = match action {
        Action::ScmpActErrno => (ERRNO, MAX_ERRNO),
        Action::ScmpActTrace => (TRACE, u32::from(u16::MAX)),
        _ if errno.is_some() => {
            return Err(Error::value(place, format!("{action} takes no errno; SCMP_ACT_ERRNO and SCMP_ACT_TRACE do")));
        }
        other => return Ok(other.as_u32(None)),
    };
    match errno.unwrap_or(EPERM) {
        errno if errno <= highest => Ok(value | errno),
        errno => Err(Error::value(place, format!("{errno} is not an errno; 0 to {highest} is allowed"))),
    }
}
