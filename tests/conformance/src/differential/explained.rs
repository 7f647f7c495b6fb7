//! Why a view of ours may differ from runc's. What is not here is a defect, of the one or the other.

use crate::compare::Difference;

/// The reason of a difference, in a config that was changed at these places.
pub(crate) fn reason(config: &[&str], difference: &Difference) -> Option<&'static str> {
    let changed = |place: &str| config.iter().any(|pointer| pointer.starts_with(place));
    let place = difference.place.as_str();
    if let Some(mount) = place.strip_prefix("/seen/mounts/") {
        return of_a_mount(changed, mount, difference);
    }
    Some(match place {
        _ if place.starts_with("/seen/descriptors/") => {
            "the program has its caller's own streams; runc copies through pipes"
        }
        "/seen/status/SigIgn" => "runc leaves a signal ignored",
        "/seen/stat/nice" if changed("/process/scheduler") => "runc 1.1 has no scheduler",
        "/seen/status/Groups" => "runc drops groups that are there twice",
        _ if place.starts_with("/seen/env/") && difference.theirs == "HOME=" => {
            "HOME of a user who is not in /etc/passwd is /; runc 1.1 leaves it empty"
        }
        "/refused" if changed("/linux/uidMappings") && said(&difference.ours, "user namespace isn't enabled") => {
            "id maps without a user namespace are refused; runc 1.1 ignores them"
        }
        "/refused" if said(&difference.theirs, "error reopening /dev/null") => {
            "runc 1.1 forgets to allow a default device that the config lists, too"
        }
        "/refused" if changed("/linux/devices") && said(&difference.theirs, "error creating device nodes: mount") => {
            "runc 1.1 has no FIFOs in a user namespace"
        }
        _ if place.starts_with("/seen/answers/stat:") && place.ends_with("/mode") && changed("/mounts") => TMPFS_MODE,
        _ if place.starts_with("/seen/answers/")
            && said(&difference.ours, "Permission denied")
            && changed("/mounts") =>
        {
            TMPFS_MODE
        }
        _ => return None,
    })
}

const TMPFS_MODE: &str = "a tmpfs takes the mode of what it covers unless one is asked for; runc 1.1 takes it always";

fn of_a_mount(changed: impl Fn(&str) -> bool, mount: &str, difference: &Difference) -> Option<&'static str> {
    let (ours, theirs) = (&difference.ours, &difference.theirs);
    let (target, rest) = mount.split_once('/').unwrap_or((mount, ""));
    let within_proc = target.strip_prefix("~1proc").map(|path| path.replace("~1", "/"));
    let both = changed("/linux/maskedPaths") || changed("/linux/readonlyPaths");
    Some(match (target, rest.rsplit('/').next().unwrap_or_default()) {
        // The lower one of two mounts.
        (_, "kind" | "source") if both && rest.starts_with("0/") && theirs == "proc" && ours == "tmpfs" => MASKED_FIRST,
        (_, "root") if both && rest.starts_with("0/") && within_proc.is_some_and(|path| theirs == &path) => {
            MASKED_FIRST
        }
        ("~1sys~1fs~1cgroup~1unified", _) => "the v2 hierarchy of a hybrid machine is shown beside the v1 ones",
        ("~1sys~1fs~1cgroup", "options") => {
            "a read-only /sys/fs/cgroup is read-only as a whole; runc 1.1 leaves the top writable on v1"
        }
        ("~1sys", "super") => {
            "a read-only sysfs is a read-only mount of it; with runc the whole file system is read-only"
        }
        (_, "source") if target.starts_with("~1sys~1fs~1cgroup") => {
            "hierarchies of v1 have one name of source in a cgroup namespace; runc gives the controllers"
        }
        (_, "super") if said(ours, "size=4k,nr_inodes=1") => MASKED_DIRECTORY,
        (_, "options") if ours == "ro,nosuid,nodev,noexec,relatime" && theirs == "ro,relatime" => MASKED_DIRECTORY,
        (_, "kind" | "source") if ours == "devtmpfs" => MASKED_FILE,
        (_, "options") if ours == "ro,nosuid,noexec,relatime" => MASKED_FILE,
        // Of the container's own /dev.
        (_, "super") if theirs == "rw,size=65536k,mode=755" => MASKED_FILE,
        (_, "super") if said(ours, "mode=755") => TMPFS_MODE,
        (_, "propagation") if ours == "shared" && changed("/linux/rootfsPropagation") => {
            "the propagation of a mount holds against a recursive one of the root"
        }
        _ => return None,
    })
}

const MASKED_FIRST: &str = "what is masked and read-only is a read-only mask; runc masks what is read-only";
const MASKED_DIRECTORY: &str =
    "a masked directory is an empty tmpfs that nothing can be done with; runc's has no flags but ro";
const MASKED_FILE: &str = "a masked file is the host's null device, read-only; runc takes the container's own";

fn said(value: &serde_json::Value, words: &str) -> bool {
    value.to_string().contains(words)
}
