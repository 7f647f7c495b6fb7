//! Files that may be missing.

use super::lists;
use crate::error::{Error, Result};
use rustix::fs::{Dir, Mode, OFlags, open};
use std::path::PathBuf;
use sys::Errno;

/// Reads a file; `None` where there is none.
pub(super) fn text(path: PathBuf) -> Result<Option<String>> {
    match crate::file::read(&path) {
        Ok(text) => Ok(Some(text)),
        // EOPNOTSUPP: pressure that the kernel was told not to measure.
        Err(Errno::NOENT | Errno::NODEV | Errno::OPNOTSUPP) => Ok(None),
        Err(errno) => Err(Error::file("read", path, errno)),
    }
}

/// The number in a file; 0 where there is none.
pub(super) fn number(path: PathBuf) -> Result<u64> {
    Ok(text(path)?.map_or(0, |text| lists::number(&text)))
}

/// The sizes of huge pages that this host has, as cgroup files name them: `2MB`.
pub(super) fn page_sizes() -> Vec<String> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = open("/sys/kernel/mm/hugepages", flags, Mode::empty());
    let entries = directory.and_then(Dir::read_from).into_iter().flatten().flatten();
    let sizes = entries.filter_map(|entry| {
        let name = entry.file_name().to_str().ok()?;
        name.strip_prefix("hugepages-")?.strip_suffix("kB")?.parse().ok().map(page_size)
    });
    sizes.collect()
}

fn page_size(kib: u64) -> String {
    match kib {
        ..1024 => format!("{kib}KB"),
        1024..0x10_0000 => format!("{}MB", kib / 1024),
        _ => format!("{}GB", kib / 0x10_0000),
    }
}

#[cfg(test)]
mod tests {
    use super::page_size;

    #[test]
    fn page_sizes_as_files_name_them() {
        for (kib, name) in [(64, "64KB"), (2048, "2MB"), (1_048_576, "1GB"), (16_777_216, "16GB")] {
            assert_eq!(page_size(kib), name);
        }
    }
}
