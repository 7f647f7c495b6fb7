//! `linux.devices`.

use super::check::{Check, in_range};
use crate::error::{Fault, Quoted};
use oci_spec::runtime::{Linux, LinuxDevice, LinuxDeviceType as Kind};

/// Linux keeps 12 bits of a major and 20 of a minor number.
pub(crate) const MAJOR: i64 = 0xfff;
pub(crate) const MINOR: i64 = 0xf_ffff;

pub(crate) fn check(devices: &[LinuxDevice]) -> Check {
    for (i, device) in devices.iter().enumerate() {
        if !device.path().is_absolute() {
            let found = device.path().to_string_lossy();
            return Err(Fault::new(format!("/linux/devices/{i}/path"), Quoted(&found), "must be an absolute path"));
        }
        match device.typ() {
            Kind::A => {
                return Err(Fault::new(format!("/linux/devices/{i}/type"), "\"a\"", "must be c, b, u or p"));
            }
            Kind::P => continue,
            Kind::B | Kind::C | Kind::U => {}
        }
        in_range(|| format!("/linux/devices/{i}/major"), Some(device.major()), 0..=MAJOR)?;
        in_range(|| format!("/linux/devices/{i}/minor"), Some(device.minor()), 0..=MINOR)?;
        for (name, id) in [("uid", device.uid()), ("gid", device.gid())] {
            in_range(|| format!("/linux/devices/{i}/{name}"), id, 0..=u32::MAX - 1)?;
        }
    }
    Ok(())
}

/// Drops the file type from modes: tools that copy `st_mode` leave it in, and the type has its own member.
pub(crate) fn normalize(linux: &mut Linux) {
    for device in linux.devices_mut().iter_mut().flatten() {
        let mode = device.file_mode().map(|mode| mode & 0o7777);
        device.set_file_mode(mode);
    }
}
