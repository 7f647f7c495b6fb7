//! The systemd driver: the container's cgroup is that of a unit which systemd makes, and what systemd does not know
//! of is written to the cgroup's files as without it.
//!
//! A scope begins with a process that is there already. So the child is born first, systemd takes it into the scope,
//! and only then may it go on.

pub(crate) mod bus;
mod devices;
mod message;
mod name;
mod properties;
mod text;
mod value;

pub use properties::Property;
pub use value::Value;

use crate::devices::Rules;
use crate::error::{Error, Result};
use crate::layout::Layout;
use bus::Bus;
use name::Name;
use serde::Serialize;
use spec::oci::LinuxResources;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long systemd may take to start a unit or to change it; then to stop it: half a minute in all where it is stuck.
const PATIENCE: Duration = Duration::from_secs(20);
const LAST_PATIENCE: Duration = Duration::from_secs(8);

/// What is there where systemd is the host's process 1: sd_booted(3).
const BOOTED: &str = "/run/systemd/system";

/// A container's unit that is to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unit {
    /// `prefix-name.scope`
    pub name: String,
    /// Its properties but for the process that it begins with.
    pub properties: Vec<Property>,
    /// Its cgroup, from the root of a hierarchy.
    #[serde(skip)]
    pub(crate) path: PathBuf,
}

impl Unit {
    /// Plans the unit that `cgroupsPath` names (`slice:prefix:name`), with the resources as properties, and those of
    /// the annotations `org.systemd.property.NAME`.
    ///
    /// # Errors
    /// [`Error::Invalid`]
    pub(crate) fn plan<'a>(
        layout: &Layout,
        cgroups_path: Option<&Path>,
        id: &str,
        resources: Option<&LinuxResources>,
        annotations: impl IntoIterator<Item = (&'a String, &'a String)>,
    ) -> Result<Self> {
        let name = Name::new(cgroups_path, id)?;
        let unified = matches!(layout, Layout::Unified(_));
        let flag = |name: &str, value: bool| Property::new(name, Value::Boolean(value));
        let mut properties = vec![
            Property::new("Description", Value::Text(format!("Cofferdam container {id}"))),
            flag("DefaultDependencies", false),
        ];
        if name.is_slice() {
            properties.push(Property::new("Wants", Value::texts([name.slice.as_str()])));
        } else {
            properties.push(Property::new("Slice", Value::text(&name.slice)));
            // What is beneath is the container's and ours.
            properties.push(flag("Delegate", true));
        }
        let accounting = if unified { "IOAccounting" } else { "BlockIOAccounting" };
        properties
            .extend(["CPUAccounting", "MemoryAccounting", "TasksAccounting", accounting].map(|on| flag(on, true)));
        properties.extend(resources.iter().flat_map(|resources| properties::limits(unified, resources)));
        properties.extend(properties::annotated(annotations)?);
        let path = name.path()?;
        Ok(Unit { name: name.unit, properties, path })
    }

    /// Adds the device rules to the properties; whether they can be said so.
    pub(crate) fn state_devices(&mut self, rules: &Rules) -> bool {
        let stated = devices::stated(rules);
        let said = stated.is_some();
        self.properties.extend(stated.into_iter().flatten());
        said
    }

    fn is_slice(&self) -> bool {
        name::is_slice(&self.name)
    }

    /// Whether systemd is here to be asked.
    ///
    /// # Errors
    /// [`Error::NoSystemd`]
    pub fn check() -> Result<()> {
        if !Path::new(BOOTED).is_dir() {
            return Err(Error::NoSystemd("systemd not running on this host"));
        }
        if crate::userns::is_rootless() {
            return Err(Error::NoSystemd("units of a user's own systemd are not supported yet"));
        }
        Ok(())
    }

    /// Lets systemd make the unit; a scope begins with the process `pid`, which is in it when this returns.
    ///
    /// # Errors
    /// [`Error::Systemd`]
    pub(crate) fn start(&self, pid: i32) -> Result<()> {
        let mut properties = self.properties.clone();
        if !self.is_slice() {
            let pid = Value::Uint32(pid.unsigned_abs());
            properties.push(Property::new("PIDs", Value::Array("u".into(), vec![pid])));
        }
        let nothing = Value::Array("(sa(sv))".into(), Vec::new());
        let arguments = [Value::text(&self.name), Value::text("fail"), listed(properties), nothing];
        let failed = |reason: String| Error::Systemd { act: "start", unit: self.name.clone(), reason };
        let start = |bus: &mut Bus| bus.job("StartTransientUnit", &arguments);
        let mut bus = Bus::open(PATIENCE).map_err(|refusal| failed(refusal.to_string()))?;
        let result = match start(&mut bus) {
            // One that has failed stays until it is told to go.
            Err(refusal) if refusal.is("UnitExists") && !self.is_slice() => {
                let reset = bus.call("ResetFailedUnit", &[Value::text(&self.name)]);
                reset.and_then(|_| start(&mut bus))
            }
            Err(refusal) if refusal.is("UnitExists") => return Ok(()),
            result => result,
        };
        match result {
            Ok(result) if result == "done" => Ok(()),
            Ok(result) => Err(failed(format!("the job's result is {result:?}"))),
            Err(refusal) => Err(failed(refusal.to_string())),
        }
    }
}

/// Sets a unit's limits while it runs: of all its resources, since it may write them again whenever it likes.
///
/// # Errors
/// [`Error::Systemd`]
pub fn set(unit: &str, unified: bool, resources: &LinuxResources) -> Result<()> {
    let properties = properties::limits(unified, resources);
    if properties.is_empty() {
        return Ok(());
    }
    let arguments = [Value::text(unit), Value::Boolean(true), listed(properties)];
    let set = Bus::open(PATIENCE).and_then(|mut bus| bus.call("SetUnitProperties", &arguments));
    set.map(drop).map_err(|refusal| Error::Systemd {
        act: "set properties of",
        unit: unit.to_owned(),
        reason: refusal.to_string(),
    })
}

/// Lets systemd forget a unit, and end what is still in it. One that it does not know is fine.
///
/// # Errors
/// [`Error::Systemd`]
pub fn stop(unit: &str) -> Result<()> {
    let stopped = Bus::open(LAST_PATIENCE).and_then(|mut bus| {
        let stopped = bus.job("StopUnit", &[Value::text(unit), Value::text("replace")]);
        // One whose process was killed for want of memory has failed, and would stay.
        let _gone = bus.call("ResetFailedUnit", &[Value::text(unit)]);
        stopped
    });
    match stopped {
        Ok(_) => Ok(()),
        Err(refusal) if refusal.is("NoSuchUnit") => Ok(()),
        Err(refusal) => Err(Error::Systemd { act: "stop", unit: unit.to_owned(), reason: refusal.to_string() }),
    }
}

/// Properties as systemd takes them: pairs of a name and a value of any type.
fn listed(properties: Vec<Property>) -> Value {
    let pair =
        |property: Property| Value::Struct(vec![Value::Text(property.name), Value::Variant(Box::new(property.value))]);
    Value::Array("(sv)".into(), properties.into_iter().map(pair).collect())
}
