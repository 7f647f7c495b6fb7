//! Lines of `/proc/self/mountinfo`: proc_pid_mountinfo(5).

use arrayvec::ArrayVec;

/// The mount point that a line of mountinfo tells of, if it is a whole procfs or sysfs outside of `root`.
pub(super) fn bare(line: &[u8], root: &[u8]) -> Option<ArrayVec<u8, 4096>> {
    let mut fields = line.split(|byte| *byte == b' ');
    let (top, point) = (fields.nth(3)?, fields.next()?);
    let kind = fields.skip_while(|field| *field != b"-").nth(1)?;
    if top != b"/" || !matches!(kind, b"proc" | b"sysfs") {
        return None;
    }
    let mut path = ArrayVec::new();
    for byte in sys::mountinfo::plain(point) {
        path.try_push(byte).ok()?;
    }
    let beneath = path.strip_prefix(root).is_some_and(|rest| rest.first().is_none_or(|byte| *byte == b'/'));
    path.try_push(0).ok()?;
    (!beneath).then_some(path)
}
