//! Labels of the mandatory access control modules: AppArmor's profile, SELinux's contexts.

use crate::Error;
use crate::error::text;
use plan::{Step, Text, Writer};
use spec::oci::{Process, Spec};

/// Which modules the host runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lsm {
    /// AppArmor.
    pub apparmor: bool,
    /// SELinux.
    pub selinux: bool,
}

impl Lsm {
    /// Looks at the host. Worth it only where a config [asks](asked).
    pub fn detect() -> Self {
        Lsm { apparmor: sys::lsm::apparmor(), selinux: sys::lsm::selinux() }
    }
}

/// Whether a config has a label of any kind.
pub fn asked(spec: &Spec) -> bool {
    let mount = spec.linux().as_ref().and_then(|linux| linux.mount_label().as_deref());
    spec.process().as_ref().is_some_and(asked_by) || mount.is_some_and(|label| !label.is_empty())
}

/// Whether a process is to have a label of any kind.
pub fn asked_by(process: &Process) -> bool {
    apparmor(process).is_some() || selinux(process).is_some()
}

/// Adds the AppArmor profile that takes effect at exec.
///
/// # Errors
/// [`Error::Disabled`] for a profile where AppArmor is off; `unconfined` is what everything is there.
pub fn push_apparmor(process: &Process, lsm: Lsm, to: &mut Writer) -> Result<(), Error> {
    const PLACE: &str = "/process/apparmorProfile";
    match apparmor(process) {
        None => Ok(()),
        Some("unconfined") if !lsm.apparmor => Ok(()),
        Some(_) if !lsm.apparmor => {
            let why = "an AppArmor profile is given, but AppArmor is not enabled on this host";
            Err(Error::Disabled { place: PLACE, why })
        }
        Some(profile) => {
            let profile = text(PLACE, "profile", profile)?;
            to.push(PLACE, Step::ApparmorProfile { profile: Text(&profile) });
            Ok(())
        }
    }
}

/// Adds the SELinux label that takes effect at exec.
///
/// # Errors
/// [`Error::Disabled`] where SELinux is off.
pub fn push_selinux(process: &Process, lsm: Lsm, to: &mut Writer) -> Result<(), Error> {
    push_label(process, lsm, to, |label| Step::SelinuxLabel { label })
}

/// Adds the SELinux label of keys that are made from then on, the same: the session keyring is the process's.
///
/// # Errors
/// [`Error::Disabled`] where SELinux is off.
pub fn push_selinux_keys(process: &Process, lsm: Lsm, to: &mut Writer) -> Result<(), Error> {
    push_label(process, lsm, to, |label| Step::SelinuxKeyLabel { label })
}

fn push_label(process: &Process, lsm: Lsm, to: &mut Writer, step: fn(Text<'_>) -> Step<'_>) -> Result<(), Error> {
    const PLACE: &str = "/process/selinuxLabel";
    let Some(label) = selinux(process) else { return Ok(()) };
    if !lsm.selinux {
        let why = "selinux label is specified in config, but selinux is disabled or not supported";
        return Err(Error::Disabled { place: PLACE, why });
    }
    let label = text(PLACE, "label", label)?;
    to.push(PLACE, step(Text(&label)));
    Ok(())
}

fn apparmor(process: &Process) -> Option<&str> {
    process.apparmor_profile().as_deref().filter(|profile| !profile.is_empty())
}

fn selinux(process: &Process) -> Option<&str> {
    process.selinux_label().as_deref().filter(|label| !label.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const OFF: Lsm = Lsm { apparmor: false, selinux: false };
    const ON: Lsm = Lsm { apparmor: true, selinux: true };

    fn spec(profile: &Value, label: &Value, mount: &Value) -> Spec {
        let process = json!({"cwd": "/", "user": {}, "apparmorProfile": profile, "selinuxLabel": label});
        serde_json::from_value(json!({"ociVersion": "1.2.0", "process": process, "linux": {"mountLabel": mount}}))
            .unwrap()
    }

    fn plan(spec: &Spec, lsm: Lsm) -> Result<Vec<String>, Error> {
        let process = spec.process().as_ref().unwrap();
        let mut to = Writer::default();
        push_selinux_keys(process, lsm, &mut to)?;
        push_apparmor(process, lsm, &mut to)?;
        push_selinux(process, lsm, &mut to)?;
        Ok(to.steps().map(|placed| format!("{} {:?}", placed.place, placed.step)).collect())
    }

    #[test]
    fn labels_become_steps_where_their_module_is_on() {
        let both = spec(&json!("docker-default"), &json!("a:b:c:s0"), &json!("x:y:z:s0"));
        assert_eq!(
            plan(&both, ON).unwrap(),
            [
                "/process/selinuxLabel SelinuxKeyLabel { label: \"a:b:c:s0\" }",
                "/process/apparmorProfile ApparmorProfile { profile: \"docker-default\" }",
                "/process/selinuxLabel SelinuxLabel { label: \"a:b:c:s0\" }",
            ]
        );
        assert!(asked(&both));
    }

    #[test]
    fn no_label_is_no_step_anywhere() {
        for nothing in [json!(null), json!("")] {
            let spec = spec(&nothing, &nothing, &nothing);
            for lsm in [ON, OFF] {
                assert_eq!(plan(&spec, lsm).unwrap(), Vec::<String>::new());
            }
            assert!(!asked(&spec));
        }
    }

    #[test]
    fn a_label_that_would_not_hold_is_an_error() {
        let profile = spec(&json!("docker-default"), &json!(null), &json!(null));
        assert!(
            plan(&profile, OFF).unwrap_err().to_string().starts_with("/process/apparmorProfile: an AppArmor profile")
        );
        let label = spec(&json!(null), &json!("a:b:c"), &json!(null));
        assert!(plan(&label, OFF).unwrap_err().to_string().contains("selinux label is specified in config"));
        assert!(asked(&profile) && asked(&label));
    }

    #[test]
    fn unconfined_needs_a_step_only_where_something_confines() {
        let spec = spec(&json!("unconfined"), &json!(null), &json!("x:y"));
        assert_eq!(plan(&spec, OFF).unwrap().len(), 0);
        assert_eq!(plan(&spec, ON).unwrap().len(), 1);
    }
}
