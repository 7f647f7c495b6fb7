//! The paths in `/proc/PID/mountinfo`: proc_pid_mountinfo(5).

/// The bytes that a field stands for: blanks, newlines and backslashes are written as a backslash and three octal digits.
pub fn plain(field: &[u8]) -> impl Iterator<Item = u8> {
    let mut rest = field;
    core::iter::from_fn(move || {
        let (&byte, after) = rest.split_first()?;
        let escaped = after.split_at_checked(3).filter(|_| byte == b'\\');
        let code = escaped.and_then(|(digits, after)| {
            let digits = core::str::from_utf8(digits).ok()?;
            Some((u8::from_str_radix(digits, 8).ok()?, after))
        });
        let (plain, after) = code.unwrap_or((byte, after));
        rest = after;
        Some(plain)
    })
}

#[cfg(feature = "std")]
extern crate std;

/// The path that a field stands for.
#[cfg(feature = "std")]
pub fn path(field: &str) -> std::path::PathBuf {
    use std::os::unix::ffi::OsStringExt;
    std::ffi::OsString::from_vec(plain(field.as_bytes()).collect()).into()
}
