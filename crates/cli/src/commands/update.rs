//! `update`

use crate::command::Verb;
use crate::failure::{Failure, Outcome};
use crate::session::{Session, given, id};
use serde_json::{Map, Value, json};
use std::fs::File;
use std::io::Read as _;

/// Changes the limits of a container.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Update {
    /// Read the limits (the config's `linux.resources`) from this file, `-` for standard input; then the
    /// other options, but for those of Intel RDT, are ignored
    #[arg(long, short, value_name = "FILE")]
    resources: Option<String>,
    /// Weight of block I/O, 10 to 1000
    #[arg(long, value_name = "WEIGHT")]
    blkio_weight: Option<u16>,
    /// CFS period in microseconds
    #[arg(long, value_name = "TIME")]
    cpu_period: Option<u64>,
    /// CFS quota: CPU time in microseconds for each period, -1 for no limit
    #[arg(long, value_name = "TIME")]
    cpu_quota: Option<i64>,
    /// CFS burst in microseconds: unused time that may be used later
    #[arg(long, value_name = "TIME")]
    cpu_burst: Option<u64>,
    /// CPU shares: the weight against other containers
    #[arg(long, value_name = "SHARES")]
    cpu_share: Option<u64>,
    /// Real-time period in microseconds
    #[arg(long, value_name = "TIME")]
    cpu_rt_period: Option<u64>,
    /// Real-time runtime in microseconds
    #[arg(long, value_name = "TIME")]
    cpu_rt_runtime: Option<i64>,
    /// CPUs that may be used: 0-3,7
    #[arg(long, value_name = "CPUS")]
    cpuset_cpus: Option<String>,
    /// Memory nodes that may be used: 0-1
    #[arg(long, value_name = "NODES")]
    cpuset_mems: Option<String>,
    /// 1: use the CPU only where nobody else wants it
    #[arg(long, value_name = "0|1")]
    cpu_idle: Option<i64>,
    /// Memory limit in bytes, or with a unit (512M), -1 for none
    #[arg(long, value_name = "BYTES")]
    memory: Option<String>,
    /// Memory that is kept for the container when the host runs short
    #[arg(long, value_name = "BYTES")]
    memory_reservation: Option<String>,
    /// Limit of memory and swap together, -1 for none
    #[arg(long, value_name = "BYTES")]
    memory_swap: Option<String>,
    /// Limit of kernel memory: kernels have none any more
    #[arg(long, value_name = "BYTES", hide = true)]
    kernel_memory: Option<String>,
    /// Limit of TCP buffers, -1 for none; cgroup v1 alone has it
    #[arg(long, value_name = "BYTES")]
    kernel_memory_tcp: Option<String>,
    /// Most processes, -1 for no limit
    #[arg(long, value_name = "N")]
    pids_limit: Option<i64>,
    /// Intel RDT's schema of the L3 cache
    #[arg(long, value_name = "SCHEMA")]
    l3_cache_schema: Option<String>,
    /// Intel RDT's schema of memory bandwidth
    #[arg(long, value_name = "SCHEMA")]
    mem_bw_schema: Option<String>,
}

impl Verb for Update {
    fn run(self, session: &Session, positional: &[String]) -> Outcome {
        let document = match given(self.resources.as_deref()) {
            Some("-") => read(std::io::stdin(), "standard input")?,
            Some(path) => {
                let file = File::open(path).map_err(|error| Failure::of(&error).after(format!("open {path}")))?;
                read(file, path)?
            }
            None => self.document()?.to_string().into_bytes(),
        };
        let wanted = spec::parse_resources(&document)?;
        let schemata = self.schemata().map(|schemata| spec::parse_intel_rdt(schemata.to_string().as_bytes()));
        container::update(&session.store()?, &id(positional)?, &wanted, schemata.transpose()?.as_ref())?;
        Ok(0)
    }
}

fn read(from: impl std::io::Read, name: &str) -> Result<Vec<u8>, Failure> {
    let mut document = Vec::new();
    // One byte more than is allowed: the parser refuses it.
    let read = from.take(spec::SIZE as u64 + 1).read_to_end(&mut document);
    read.map_err(|error| Failure::of(&error).after(format!("read {name}")))?;
    Ok(document)
}

impl Update {
    /// The options for resctrl, which is no part of resources, as the config's `linux.intelRdt`.
    fn schemata(&self) -> Option<Value> {
        section([
            ("l3CacheSchema", given(self.l3_cache_schema.as_deref()).map(Value::from)),
            ("memBwSchema", given(self.mem_bw_schema.as_deref()).map(Value::from)),
        ])
    }

    /// The options as a document like that of `--resources`.
    fn document(&self) -> Result<Value, Failure> {
        if self.kernel_memory.is_some() {
            tracing::warn!("the limit of kernel memory is ignored: the kernel has none any more");
        }
        let cpu = section([
            ("period", self.cpu_period.map(Value::from)),
            ("quota", self.cpu_quota.map(Value::from)),
            ("burst", self.cpu_burst.map(Value::from)),
            ("shares", self.cpu_share.map(Value::from)),
            ("realtimePeriod", self.cpu_rt_period.map(Value::from)),
            ("realtimeRuntime", self.cpu_rt_runtime.map(Value::from)),
            ("cpus", given(self.cpuset_cpus.as_deref()).map(Value::from)),
            ("mems", given(self.cpuset_mems.as_deref()).map(Value::from)),
            ("idle", self.cpu_idle.map(Value::from)),
        ]);
        let memory = section([
            ("limit", bytes("memory", self.memory.as_deref())?),
            ("reservation", bytes("memory-reservation", self.memory_reservation.as_deref())?),
            ("swap", bytes("memory-swap", self.memory_swap.as_deref())?),
            ("kernelTCP", bytes("kernel-memory-tcp", self.kernel_memory_tcp.as_deref())?),
        ]);
        Ok(section([
            ("cpu", cpu),
            ("memory", memory),
            ("pids", self.pids_limit.map(|limit| json!({ "limit": limit }))),
            ("blockIO", self.blkio_weight.map(|weight| json!({ "weight": weight }))),
        ])
        .unwrap_or_else(|| json!({})))
    }
}

/// An object of those values that are given; None where none is.
fn section<const N: usize>(values: [(&str, Option<Value>); N]) -> Option<Value> {
    let given = values.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
    let object: Map<_, _> = given.collect();
    (!object.is_empty()).then_some(Value::Object(object))
}

fn bytes(name: &str, text: Option<&str>) -> Result<Option<Value>, Failure> {
    let wrong = |text| {
        Failure::new(format!("invalid value for {name}: {text:?} is no number of bytes such as 536870912, 512M or -1"))
    };
    given(text).map(|text| size(text).map(Value::from).ok_or_else(|| wrong(text))).transpose()
}

/// A number of bytes: digits, perhaps with a fraction, and a unit, the powers of 1024 that
/// docker's go-units knows. -1 is no limit.
fn size(text: &str) -> Option<i64> {
    if text == "-1" {
        return Some(-1);
    }
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let unit = unit.trim_start().to_ascii_lowercase();
    let unit = unit.strip_suffix("ib").or(unit.strip_suffix('b')).unwrap_or(&unit);
    let power = ["", "k", "m", "g", "t", "p"].iter().position(|known| *known == unit)?;
    let factor = 1_i64 << (10 * power);
    if let Ok(whole) = number.parse::<i64>() {
        return whole.checked_mul(factor);
    }
    // Below 2^53, so whole numbers are exact.
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
    number.parse::<f64>().ok().map(|part| part * factor as f64).filter(|size| *size < 9e15).map(|size| size as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (text, bytes) in [
            ("0", Some(0)),
            ("-1", Some(-1)),
            ("536870912", Some(512 << 20)),
            ("512M", Some(512 << 20)),
            ("512m", Some(512 << 20)),
            ("512MB", Some(512 << 20)),
            ("512MiB", Some(512 << 20)),
            ("512 mb", Some(512 << 20)),
            ("32b", Some(32)),
            ("32.3kb", Some(33_075)),
            ("1.5g", Some(3 << 29)),
            ("2T", Some(2 << 40)),
            ("9223372036854775807", Some(i64::MAX)),
            ("9223372036854775808", None),
            ("9999999999g", None),
            ("-2", None),
            ("", None),
            ("m", None),
            ("5x", None),
            ("5 m m", None),
            ("1.2.3m", None),
        ] {
            assert_eq!(size(text), bytes, "{text}");
        }
    }

    #[test]
    fn options_become_a_document() {
        let options = Update {
            cpu_quota: Some(-1),
            cpuset_cpus: Some("0-1".to_owned()),
            cpuset_mems: Some(String::new()),
            memory: Some("32M".to_owned()),
            pids_limit: Some(10),
            ..Update::default()
        };
        let document = json!({
            "cpu": { "quota": -1, "cpus": "0-1" }, "memory": { "limit": 33_554_432 }, "pids": { "limit": 10 }
        });
        assert_eq!(options.document().unwrap(), document);
        assert_eq!(Update::default().document().unwrap(), json!({}));
        assert!(Update { memory: Some("much".to_owned()), ..Update::default() }.document().is_err());
        let bandwidth = Update { mem_bw_schema: Some("MB:0=10".to_owned()), ..Update::default() };
        assert_eq!(bandwidth.document().unwrap(), json!({}));
        assert_eq!(bandwidth.schemata().unwrap(), json!({ "memBwSchema": "MB:0=10" }));
        assert_eq!(options.schemata(), None);
    }
}
