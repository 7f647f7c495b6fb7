//! The properties of a container's unit. systemd writes them to the cgroup's files again whenever it likes (at
//! `daemon-reload`), so they say the same as what is written there afterwards. systemd.resource-control(5).

use super::text;
use super::value::Value;
use crate::error::{Error, Result};
use crate::resources::weight_from_shares;
use serde::Serialize;
use spec::oci::{LinuxCpu, LinuxMemory, LinuxResources};

/// A property of a unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Property {
    /// `MemoryMax`
    pub name: String,
    /// Its value.
    pub value: Value,
}

impl Property {
    pub(crate) fn new(name: &str, value: Value) -> Self {
        Property { name: name.to_owned(), value }
    }
}

/// What systemd takes for no limit.
const INFINITY: u64 = u64::MAX;
/// The kernel's period of a CPU quota, in microseconds.
const PERIOD: u64 = 100_000;
/// More CPUs and memory nodes than any machine has.
const MOST: usize = 8192;

/// What annotations of a container begin with that are properties of its unit.
const ANNOTATION: &str = "org.systemd.property.";

/// The limits among the resources, as far as systemd has words for them.
pub(crate) fn limits(unified: bool, resources: &LinuxResources) -> Vec<Property> {
    let mut list = List { unified, properties: Vec::new() };
    if let Some(cpu) = resources.cpu() {
        list.cpu(cpu);
    }
    if let Some(memory) = resources.memory() {
        list.memory(*memory);
    }
    if let Some(limit) = resources.pids().as_ref().map(spec::oci::LinuxPids::limit) {
        // A unit that no process fits in runs nothing.
        list.number("TasksMax", bytes(limit).max(1));
    }
    if let Some(weight) =
        resources.block_io().as_ref().and_then(spec::oci::LinuxBlockIo::weight).filter(|weight| *weight != 0)
    {
        let weight = u64::from(weight);
        // From v1's 10 to 1000 to v2's 1 to 10000.
        let unified_weight = 1 + weight.saturating_sub(10) * 9999 / 990;
        list.either(("IOWeight", unified_weight), ("BlockIOWeight", weight));
    }
    if unified {
        list.unified(resources.unified().iter().flatten());
    }
    list.properties
}

struct List {
    unified: bool,
    properties: Vec<Property>,
}

impl List {
    fn number(&mut self, name: &str, value: u64) {
        self.properties.push(Property::new(name, Value::Uint64(value)));
    }

    /// A property of v2 or one of v1; an empty name where there is none.
    fn either(&mut self, v2: (&str, u64), v1: (&str, u64)) {
        let (name, value) = if self.unified { v2 } else { v1 };
        if !name.is_empty() {
            self.number(name, value);
        }
    }

    fn cpu(&mut self, cpu: &LinuxCpu) {
        if let Some(shares) = cpu.shares().filter(|shares| *shares != 0) {
            self.either(("CPUWeight", weight_from_shares(shares)), ("CPUShares", shares));
        }
        let quota = cpu.quota().filter(|quota| *quota != 0);
        let period = cpu.period().filter(|period| *period != 0);
        if let Some(period) = period {
            self.number("CPUQuotaPeriodUSec", period);
        }
        if quota.is_some() || period.is_some() {
            self.number("CPUQuotaPerSecUSec", per_second(quota, period.unwrap_or(PERIOD)));
        }
        if self.unified {
            self.set("AllowedCPUs", cpu.cpus().as_deref());
            self.set("AllowedMemoryNodes", cpu.mems().as_deref());
        }
    }

    /// A set of numbers, as a mask, lowest first. What is no list is refused by the kernel's own file.
    fn set(&mut self, name: &str, list: Option<&str>) {
        if let Some(mask) = list.filter(|list| !list.is_empty()).and_then(mask) {
            self.properties.push(Property::new(name, Value::Array("y".into(), mask)));
        }
    }

    fn memory(&mut self, memory: LinuxMemory) {
        let asked = |limit: Option<i64>| limit.filter(|limit| *limit != 0);
        if let Some(limit) = asked(memory.limit()) {
            self.either(("MemoryMax", bytes(limit)), ("MemoryLimit", bytes(limit)));
        }
        if let Some(reservation) = asked(memory.reservation()) {
            self.either(("MemoryLow", u64::try_from(reservation).unwrap_or(0)), ("", 0));
        }
        match (asked(memory.swap()), memory.limit()) {
            (Some(-1), _) => self.either(("MemorySwapMax", INFINITY), ("", 0)),
            // v1 counts memory with it.
            (Some(both), Some(limit)) if limit > 0 => {
                self.either(("MemorySwapMax", u64::try_from(both.saturating_sub(limit)).unwrap_or(0)), ("", 0));
            }
            _ => {}
        }
    }

    /// Files of v2 that are properties too.
    fn unified<'r>(&mut self, files: impl Iterator<Item = (&'r String, &'r String)>) {
        for (file, value) in files {
            let value = value.trim();
            let number = if value == "max" { Some(INFINITY) } else { value.parse().ok() };
            let name = match file.as_str() {
                "memory.min" => "MemoryMin",
                "memory.low" => "MemoryLow",
                "memory.high" => "MemoryHigh",
                "memory.max" => "MemoryMax",
                "memory.swap.max" => "MemorySwapMax",
                "pids.max" => "TasksMax",
                "cpu.weight" => "CPUWeight",
                "cpuset.cpus" => {
                    self.set("AllowedCPUs", Some(value));
                    continue;
                }
                "cpuset.mems" => {
                    self.set("AllowedMemoryNodes", Some(value));
                    continue;
                }
                "cpu.max" => {
                    self.cpu_max(value);
                    continue;
                }
                _ => continue,
            };
            if let Some(number) = number {
                self.number(name, number);
            }
        }
    }

    /// `cpu.max`: a quota or `max`, and perhaps a period.
    fn cpu_max(&mut self, value: &str) {
        let mut words = value.split_whitespace();
        let quota = words.next().and_then(|quota| quota.parse().ok());
        let period = words.next().and_then(|period| period.parse().ok()).filter(|period| *period != 0);
        if let Some(period) = period {
            self.number("CPUQuotaPeriodUSec", period);
        }
        self.number("CPUQuotaPerSecUSec", per_second(quota, period.unwrap_or(PERIOD)));
    }
}

fn bytes(limit: i64) -> u64 {
    u64::try_from(limit).unwrap_or(INFINITY)
}

/// A quota as microseconds in a second. systemd counts in hundredths of a CPU; it must not come out lower.
fn per_second(quota: Option<i64>, period: u64) -> u64 {
    const STEP: u64 = 10_000;
    let quota = quota.and_then(|quota| u64::try_from(quota).ok()).filter(|quota| *quota != 0);
    quota.map_or(INFINITY, |quota| (quota.saturating_mul(1_000_000) / period).next_multiple_of(STEP))
}

/// `0-3,7` as bits.
fn mask(list: &str) -> Option<Vec<Value>> {
    let mut bytes: Vec<u8> = Vec::new();
    for range in list.trim().split(',') {
        let (first, last) = range.trim().split_once('-').unwrap_or((range.trim(), range.trim()));
        let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
        if last >= MOST {
            return None;
        }
        bytes.resize(bytes.len().max(last / 8 + 1), 0);
        for number in first..=last {
            *bytes.get_mut(number / 8)? |= 1 << (number % 8);
        }
    }
    Some(bytes.into_iter().map(Value::Byte).collect())
}

/// The properties that annotations ask for: `org.systemd.property.NAME`, values in GVariant's text form. A name that
/// ends in `Sec` takes seconds and stands for the one in microseconds.
///
/// # Errors
/// [`Error::Invalid`]
pub(crate) fn annotated<'a>(annotations: impl IntoIterator<Item = (&'a String, &'a String)>) -> Result<Vec<Property>> {
    let asked = annotations.into_iter().filter_map(|(key, text)| Some((key.strip_prefix(ANNOTATION)?, text)));
    let mut asked: Vec<_> = asked.collect();
    asked.sort_unstable();
    asked.into_iter().map(|(name, text)| property(name, text)).collect()
}

fn property(name: &str, text: &str) -> Result<Property> {
    let wrong = |reason: String| Error::invalid(format!("/annotations/{ANNOTATION}{name}"), reason);
    if name.len() < 3 || !name.chars().all(|c| c.is_ascii_alphabetic()) {
        return Err(wrong(format!(
            "{name:?} is no name of a property: it has at least three letters and nothing else"
        )));
    }
    let value = text::parse(text).map_err(wrong)?;
    match name.strip_suffix("Sec").filter(|stem| !stem.ends_with('U')) {
        None => Ok(Property::new(name, value)),
        Some(stem) => {
            let micro = microseconds(&value).ok_or_else(|| wrong(format!("{text:?} is no number of seconds")))?;
            Ok(Property::new(&format!("{stem}USec"), Value::Uint64(micro)))
        }
    }
}

fn microseconds(seconds: &Value) -> Option<u64> {
    let whole = match seconds {
        Value::Byte(value) => u64::from(*value),
        Value::Int16(value) => u64::try_from(*value).ok()?,
        Value::Uint16(value) => u64::from(*value),
        Value::Int32(value) => u64::try_from(*value).ok()?,
        Value::Uint32(value) => u64::from(*value),
        Value::Int64(value) => u64::try_from(*value).ok()?,
        Value::Uint64(value) => *value,
        Value::Double(bits) => return micro_of(f64::from_bits(*bits)),
        _ => return None,
    };
    whole.checked_mul(1_000_000)
}

fn micro_of(seconds: f64) -> Option<u64> {
    let time = std::time::Duration::try_from_secs_f64(seconds).ok()?;
    u64::try_from(time.as_micros()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(unified: bool, json: &str) -> Vec<String> {
        let resources = serde_json::from_str(json).unwrap();
        let show = |property: Property| match property.value {
            Value::Uint64(INFINITY) => format!("{}=infinity", property.name),
            Value::Uint64(number) => format!("{}={number}", property.name),
            Value::Array(_, bytes) => {
                let byte = |byte: Value| if let Value::Byte(byte) = byte { format!("{byte:x}.") } else { "?".into() };
                format!("{}={}", property.name, bytes.into_iter().map(byte).collect::<String>())
            }
            other => format!("{}={other:?}", property.name),
        };
        limits(unified, &resources).into_iter().map(show).collect()
    }

    #[test]
    fn resources_as_properties() {
        for (json, v2, v1) in [
            (r#"{"memory":{"limit":1000}}"#, &["MemoryMax=1000"][..], &["MemoryLimit=1000"][..]),
            (
                r#"{"memory":{"limit":-1,"swap":-1}}"#,
                &["MemoryMax=infinity", "MemorySwapMax=infinity"],
                &["MemoryLimit=infinity"],
            ),
            (
                r#"{"memory":{"limit":10,"swap":30,"reservation":5}}"#,
                &["MemoryMax=10", "MemoryLow=5", "MemorySwapMax=20"],
                &["MemoryLimit=10"],
            ),
            (r#"{"cpu":{"shares":1024}}"#, &["CPUWeight=100"], &["CPUShares=1024"]),
            (r#"{"cpu":{"quota":50000}}"#, &["CPUQuotaPerSecUSec=500000"], &["CPUQuotaPerSecUSec=500000"]),
            (
                r#"{"cpu":{"quota":1,"period":1000000}}"#,
                &["CPUQuotaPeriodUSec=1000000", "CPUQuotaPerSecUSec=10000"],
                &["CPUQuotaPeriodUSec=1000000", "CPUQuotaPerSecUSec=10000"],
            ),
            (r#"{"cpu":{"quota":-1}}"#, &["CPUQuotaPerSecUSec=infinity"], &["CPUQuotaPerSecUSec=infinity"]),
            (r#"{"cpu":{"cpus":"0-3,9","mems":"0"}}"#, &["AllowedCPUs=f.2.", "AllowedMemoryNodes=1."], &[]),
            (r#"{"cpu":{"cpus":"x","mems":"0-99999999999"}}"#, &[], &[]),
            (r#"{"pids":{"limit":7}}"#, &["TasksMax=7"], &["TasksMax=7"]),
            (r#"{"pids":{"limit":-1}}"#, &["TasksMax=infinity"], &["TasksMax=infinity"]),
            (r#"{"blockIO":{"weight":1000}}"#, &["IOWeight=10000"], &["BlockIOWeight=1000"]),
            (
                r#"{"unified":{"memory.high":"max","pids.max":"9","cpu.max":"5000 10000","hugetlb.2MB.max":"0"}}"#,
                &[],
                &[],
            ),
            ("{}", &[], &[]),
        ] {
            assert_eq!(shown(false, json), v1, "v1 {json}");
            if !json.contains("unified") {
                assert_eq!(shown(true, json), v2, "v2 {json}");
            }
        }
        let mut unified = shown(true, r#"{"unified":{"memory.high":"max","pids.max":"9","cpu.max":"5000 10000"}}"#);
        unified.sort_unstable();
        assert_eq!(
            unified,
            ["CPUQuotaPerSecUSec=500000", "CPUQuotaPeriodUSec=10000", "MemoryHigh=infinity", "TasksMax=9"]
        );
    }

    #[test]
    fn annotations_as_properties() {
        let one = |name: &str, text: &str| {
            annotated([(&format!("{ANNOTATION}{name}"), &text.to_owned())]).map(|mut properties| properties.remove(0))
        };
        for (name, text, property, value) in [
            ("KillSignal", "10", "KillSignal", Value::Int32(10)),
            ("TimeoutStopUSec", "uint64 5000000", "TimeoutStopUSec", Value::Uint64(5_000_000)),
            ("TimeoutStopSec", "5", "TimeoutStopUSec", Value::Uint64(5_000_000)),
            ("TimeoutStopSec", "1.5", "TimeoutStopUSec", Value::Uint64(1_500_000)),
            ("CollectMode", "'inactive-or-failed'", "CollectMode", Value::text("inactive-or-failed")),
        ] {
            assert_eq!(one(name, text).unwrap(), Property::new(property, value), "{name} {text}");
        }
        for (name, text) in [("ab", "1"), ("A-b-c", "1"), ("Abc", "x"), ("TimeoutStopSec", "'5'"), ("AbcSec", "-1")] {
            let error = one(name, text).unwrap_err();
            assert_eq!(error.place().unwrap(), format!("/annotations/{ANNOTATION}{name}"), "{text}");
        }
        assert!(annotated([(&"other".to_owned(), &"x".to_owned())]).unwrap().is_empty());
    }
}
