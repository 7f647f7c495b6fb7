//! Resource limits: `/process/rlimits`.

use crate::Error;
use plan::{Step, Writer};
use rustix::process::Resource;
use spec::oci::{PosixRlimitType, Process};

/// Adds a step for each limit of `process`.
///
/// # Errors
/// [`Error::Value`] for a type that stands there twice, or a soft limit above the hard one.
pub fn push_rlimits(process: &Process, to: &mut Writer) -> Result<(), Error> {
    let limits = process.rlimits().as_deref().unwrap_or_default();
    for (index, limit) in limits.iter().enumerate() {
        let place = format!("/process/rlimits/{index}");
        if limits.iter().take(index).any(|before| before.typ() == limit.typ()) {
            return Err(Error::value(place + "/type", format!("{} is set twice", limit.typ())));
        }
        if limit.soft() > limit.hard() {
            let why =
                format!("the soft limit {} of {} is above the hard one, {}", limit.soft(), limit.typ(), limit.hard());
            return Err(Error::value(place + "/soft", why));
        }
        let resource = resource(limit.typ()) as u32;
        to.push(&place, Step::ResourceLimit { resource, soft: limit.soft(), hard: limit.hard() });
    }
    Ok(())
}

/// The hard limits of `process`.
pub fn hard(process: &Process) -> impl Iterator<Item = (Resource, u64)> {
    process.rlimits().iter().flatten().map(|limit| (resource(limit.typ()), limit.hard()))
}

fn resource(kind: PosixRlimitType) -> Resource {
    match kind {
        PosixRlimitType::RlimitCpu => Resource::Cpu,
        PosixRlimitType::RlimitFsize => Resource::Fsize,
        PosixRlimitType::RlimitData => Resource::Data,
        PosixRlimitType::RlimitStack => Resource::Stack,
        PosixRlimitType::RlimitCore => Resource::Core,
        PosixRlimitType::RlimitRss => Resource::Rss,
        PosixRlimitType::RlimitNproc => Resource::Nproc,
        PosixRlimitType::RlimitNofile => Resource::Nofile,
        PosixRlimitType::RlimitMemlock => Resource::Memlock,
        PosixRlimitType::RlimitAs => Resource::As,
        PosixRlimitType::RlimitLocks => Resource::Locks,
        PosixRlimitType::RlimitSigpending => Resource::Sigpending,
        PosixRlimitType::RlimitMsgqueue => Resource::Msgqueue,
        PosixRlimitType::RlimitNice => Resource::Nice,
        PosixRlimitType::RlimitRtprio => Resource::Rtprio,
        PosixRlimitType::RlimitRttime => Resource::Rttime,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plan::Placed;
    use serde_json::{Value, json};

    fn plan(limits: &Value) -> Result<Writer, Error> {
        let process = serde_json::from_value(json!({"cwd": "/", "user": {}, "rlimits": limits})).unwrap();
        let mut to = Writer::default();
        push_rlimits(&process, &mut to).map(|()| to)
    }

    #[test]
    fn each_limit_is_a_step_with_its_place() {
        let to = plan(&json!([
            {"type": "RLIMIT_NOFILE", "soft": 1024, "hard": 65536},
            {"type": "RLIMIT_CORE", "soft": 0, "hard": u64::MAX},
        ]));
        let to = to.unwrap();
        let steps: Vec<_> = to.steps().collect();
        let wanted = [
            Placed { place: "/process/rlimits/0", step: Step::ResourceLimit { resource: 7, soft: 1024, hard: 65536 } },
            Placed { place: "/process/rlimits/1", step: Step::ResourceLimit { resource: 4, soft: 0, hard: u64::MAX } },
        ];
        assert_eq!(steps, wanted);
        assert_eq!(plan(&json!(null)).unwrap().count(), 0);
    }

    /// include/uapi/asm-generic/resource.h
    #[test]
    fn resources_have_the_kernels_numbers() {
        let names =
            "CPU FSIZE DATA STACK CORE RSS NPROC NOFILE MEMLOCK AS LOCKS SIGPENDING MSGQUEUE NICE RTPRIO RTTIME";
        for (number, name) in (0..).zip(names.split(' ')) {
            let to = plan(&json!([{"type": format!("RLIMIT_{name}"), "soft": 1, "hard": 2}])).unwrap();
            let steps: Vec<_> = to.steps().map(|placed| placed.step).collect();
            assert_eq!(steps, [Step::ResourceLimit { resource: number, soft: 1, hard: 2 }], "{name}");
        }
    }

    #[test]
    fn duplicates_and_soft_above_hard_are_refused() {
        let twice =
            json!([{"type": "RLIMIT_NOFILE", "soft": 1, "hard": 1}, {"type": "RLIMIT_NOFILE", "soft": 1, "hard": 1}]);
        assert_eq!(plan(&twice).unwrap_err().to_string(), "/process/rlimits/1/type: RLIMIT_NOFILE is set twice");
        let above = json!([{"type": "RLIMIT_CPU", "soft": 2, "hard": 1}]);
        assert_eq!(
            plan(&above).unwrap_err().to_string(),
            "/process/rlimits/0/soft: the soft limit 2 of RLIMIT_CPU is above the hard one, 1"
        );
    }
}
