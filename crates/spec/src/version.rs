//! Versions of the runtime specification (Semantic Versioning 2.0).

use crate::error::{Fault, Quoted};

/// The newest version of the runtime specification that this runtime knows.
pub const OCI_VERSION: &str = "1.3.0";

/// The newest 1.x. Every earlier one is a subset of it.
const NEWEST_MINOR: u64 = 3;

/// Accepts 1.0.0 up to 1.3.x, with pre-release and build metadata of any kind (`1.0.2-dev`, `1.3.0+dev`).
pub(crate) fn check(version: &str) -> Result<(), Fault> {
    let allowed = "must be a version of the runtime specification from 1.0.0 to 1.3";
    match numbers(version) {
        _ if version.is_empty() => Err(Fault::missing("/ociVersion", allowed)),
        Some([1, minor, _]) if minor <= NEWEST_MINOR => Ok(()),
        _ => Err(Fault::new("/ociVersion", Quoted(version), allowed)),
    }
}

/// Major, minor and patch of a semantic version.
fn numbers(version: &str) -> Option<[u64; 3]> {
    let (version, build) = version.split_once('+').map_or((version, None), |(version, build)| (version, Some(build)));
    let (core, pre) = version.split_once('-').map_or((version, None), |(core, pre)| (core, Some(pre)));
    let identifier = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if !pre.into_iter().chain(build).flat_map(|part| part.split('.')).all(identifier) {
        return None;
    }
    let mut parts = core.split('.').map(number);
    let numbers = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(numbers)
}

fn number(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if plain { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        for good in ["1.0.0", "1.0.2-dev", "1.2.1", "1.3.0", "1.3.7", "1.1.0-rc.1", "1.3.0+dev", "1.0.0-x-y.7.z.92+a.b"]
        {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "1",
            "1.0",
            "1.4.0",
            "2.0.0",
            "0.9.9",
            "9.9.9",
            "v1.0.0",
            "1.0.0.0",
            "1.0.x",
            "01.0.0",
            "1.0.0-",
            "1.0.0+",
            "1.0.0-a..b",
            " 1.0.0",
            "1.+1.0",
            "1.0.0-é",
            "invalid",
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
