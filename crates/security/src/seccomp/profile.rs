//! A seccomp section read: which action for which calls, with nothing left that can be wrong.

use super::arch::{self, Arch};
use super::calls::{Finder, Numbers};
use crate::Error;
use spec::oci::{
    LinuxSeccomp, LinuxSeccompAction as Action, LinuxSeccompArg, LinuxSeccompOperator as Operator, LinuxSyscall,
};
use std::ops::Range;

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
    /// The calls that it names, perhaps more than once.
    pub(crate) calls: Vec<Call<'a>>,
    /// The rules of all calls, one call's after the other's, but those that do what is done anyway.
    pub(crate) rules: Vec<Rule>,
    /// The conditions of all rules.
    conditions: Vec<Condition>,
    finder: Finder,
}

/// A call that is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call<'a> {
    pub(crate) name: &'a str,
    pub(crate) numbers: Numbers,
    /// Its part of [`Profile::rules`].
    pub(crate) rules: Range<usize>,
}

/// What is done with a call whose arguments meet all conditions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rule {
    /// A `SECCOMP_RET_*` value.
    pub(crate) action: u32,
    /// Its part of the profile's conditions: at most one for each argument.
    conditions: Range<usize>,
}

impl<'a> Profile<'a> {
    /// The rules of a call.
    pub(crate) fn rules(&self, call: &Call<'_>) -> &[Rule] {
        self.rules.get(call.rules.clone()).unwrap_or_default()
    }

    /// The conditions of a rule.
    pub(crate) fn conditions(&self, rule: &Rule) -> &[Condition] {
        self.conditions.get(rule.conditions.clone()).unwrap_or_default()
    }

    /// Adds a group's conditions, for each rule that it stands for. Two of the same argument are alternatives, as in runc:
    /// then each of the group's conditions makes a rule of its own.
    fn add_conditions(
        &mut self,
        args: &[LinuxSeccompArg],
        place: &dyn Fn() -> String,
    ) -> Result<impl Iterator<Item = Range<usize>> + Clone + use<>, Error> {
        let start = self.conditions.len();
        for (at, arg) in args.iter().enumerate() {
            self.conditions.push(condition(arg, || format!("{}/args/{at}/index", place()))?);
        }
        let (end, all) = (self.conditions.len(), self.conditions.get(start..).unwrap_or_default());
        let before = |at: usize, index| all.iter().take(at).any(|condition| condition.index == index);
        let repeated = all.iter().enumerate().any(|(at, condition)| before(at, condition.index));
        let step = if repeated { 1 } else { all.len().max(1) };
        // One rule where there are no conditions, too.
        Ok((start..end.max(start + 1)).step_by(step).map(move |at| at..end.min(at + step)))
    }

    /// The call of that name, to add rules to; `None` where there is none.
    fn call(&mut self, name: &'a str) -> Option<&mut Call<'a>> {
        // Many groups in a row may be about one call.
        if self.calls.last().is_none_or(|last| last.name != name) {
            let numbers = self.finder.find(name)?;
            let end = self.rules.len();
            self.calls.push(Call { name, numbers, rules: end..end });
        }
        self.calls.last_mut()
    }
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
    let default =
        action(section.default_action(), section.default_errno_ret(), || "/linux/seccomp/defaultErrnoRet".into())?;
    if default == NOTIFY {
        return Err(Error::value("/linux/seccomp/defaultAction", "SCMP_ACT_NOTIFY cannot be used as default action"));
    }
    let listed = section.architectures().as_deref().unwrap_or_default();
    if let Some(index) = listed.iter().position(|arch| !arch::supported(*arch)) {
        let place = format!("/linux/seccomp/architectures/{index}");
        return Err(Error::value(place, format!("{} is not supported by this libseccomp", listed[index])));
    }
    // About as many as there are names, in any usual profile.
    let names = section.syscalls().iter().flatten().map(|group| group.names().len()).sum::<usize>().min(MOST_RULES);
    let (calls, rules, conditions) = (Vec::with_capacity(names), Vec::with_capacity(names), Vec::new());
    let mut profile =
        Profile { default, arches: arch::of(listed), calls, rules, conditions, finder: Finder::default() };
    let mut unknown = Vec::new();
    for (group, calls) in section.syscalls().iter().flatten().enumerate() {
        read_group(calls, &|| format!("/linux/seccomp/syscalls/{group}"), &mut profile, &mut unknown)?;
    }
    Ok((profile, unknown))
}

fn read_group<'a>(
    group: &'a LinuxSyscall,
    place: &dyn Fn() -> String,
    profile: &mut Profile<'a>,
    unknown: &mut Vec<&'a str>,
) -> Result<(), Error> {
    let action = action(group.action(), group.errno_ret(), || format!("{}/errnoRet", place()))?;
    let (default, conditions) =
        (profile.default, profile.add_conditions(group.args().as_deref().unwrap_or_default(), place)?);
    for (index, name) in group.names().iter().enumerate() {
        let wrong = |why: String| Err(Error::value(format!("{}/names/{index}", place()), why));
        if name.is_empty() {
            return wrong("empty string is not a valid syscall".into());
        }
        if action == NOTIFY && name == "write" {
            // Init tells the runtime process of the notify descriptor with write(2), under the filter.
            return wrong("SCMP_ACT_NOTIFY cannot be used for the write syscall".into());
        }
        let Some(call) = profile.call(name) else {
            unknown.push(name);
            continue;
        };
        if action == default {
            continue;
        }
        call.rules.end += conditions.clone().count();
        profile.rules.extend(conditions.clone().map(|conditions| Rule { action, conditions }));
        if profile.rules.len() > MOST_RULES {
            return wrong(format!("more than {MOST_RULES} rules; no filter can hold them"));
        }
    }
    Ok(())
}

fn condition(arg: &LinuxSeccompArg, place: impl FnOnce() -> String) -> Result<Condition, Error> {
    let index = u8::try_from(arg.index()).ok().filter(|index| *index < 6).ok_or_else(|| {
        let why = format!("{} is not the index of an argument; 0 to 5 is allowed", arg.index());
        Error::value(place(), why)
    })?;
    let (mask, value) = match arg.op() {
        Operator::ScmpCmpMaskedEq => (arg.value(), arg.value_two().unwrap_or(0)),
        _ => (u64::MAX, arg.value()),
    };
    Ok(Condition { index, operator: arg.op(), mask, value: value & mask })
}

/// The `SECCOMP_RET_*` value of an action.
fn action(action: Action, errno: Option<u32>, place: impl FnOnce() -> String) -> Result<u32, Error> {
    let (value, highest) = match action {
        Action::ScmpActErrno => (ERRNO, MAX_ERRNO),
        Action::ScmpActTrace => (TRACE, u32::from(u16::MAX)),
        _ if errno.is_some() => {
            return Err(Error::value(
                place(),
                format!("{action} takes no errno; SCMP_ACT_ERRNO and SCMP_ACT_TRACE do"),
            ));
        }
        other => return Ok(other.as_u32(None)),
    };
    match errno.unwrap_or(EPERM) {
        errno if errno <= highest => Ok(value | errno),
        errno => Err(Error::value(place(), format!("{errno} is not an errno; 0 to {highest} is allowed"))),
    }
}
