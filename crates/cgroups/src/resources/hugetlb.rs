//! Huge pages, in bytes by page size; both what is used and what is reserved is limited.

use super::planner::{Planner, Version};
use crate::act::Write;
use crate::error::Result;
use spec::oci::LinuxHugepageLimit;

pub(super) fn plan(planner: &mut Planner<'_>, limits: &[LinuxHugepageLimit]) -> Result<()> {
    for (number, limit) in limits.iter().enumerate() {
        let place = format!("/hugepageLimits/{number}");
        let size = limit.page_size();
        if !is_size(size) {
            let reason = format!("page size {size:?}; a number and KB, MB or GB is allowed: \"2MB\"");
            return Err(planner.invalid(&place, reason));
        }
        if limit.limit() < 0 {
            return Err(planner.invalid(&place, format!("limit {}; a size in bytes is allowed", limit.limit())));
        }
        let group = planner.group("hugetlb", "hugetlb", &place)?;
        let suffix = match group.version {
            Version::One => "limit_in_bytes",
            Version::Two => "max",
        };
        for (kind, optional) in [("", false), (".rsvd", true)] {
            let file = format!("hugetlb.{size}{kind}.{suffix}");
            let write = planner.write(group, &file, limit.limit().to_string(), &place);
            planner.push(Write { optional, ..write });
        }
    }
    Ok(())
}

/// `^[1-9][0-9]*[KMG]B$`
fn is_size(text: &str) -> bool {
    let digits = ["KB", "MB", "GB"].iter().find_map(|unit| text.strip_suffix(unit));
    digits.is_some_and(|digits| {
        digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0') && !digits.is_empty()
    })
}

#[cfg(test)]
mod tests {
    use super::is_size;

    #[test]
    fn page_sizes() {
        for (text, right) in [
            ("2MB", true),
            ("1GB", true),
            ("64KB", true),
            ("", false),
            ("MB", false),
            ("02MB", false),
            ("2mb", false),
            ("2", false),
            ("2MB/../x", false),
            ("-2MB", false),
        ] {
            assert_eq!(is_size(text), right, "{text:?}");
        }
    }
}
