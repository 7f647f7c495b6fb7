//! The paths in `/proc/PID/mountinfo`: proc_pid_mountinfo(5). Needs the standard library's paths.

extern crate std;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::vec::Vec;

/// The path that a field stands for: blanks, newlines and backslashes are written as a backslash and three octal digits.
pub fn path(field: &str) -> PathBuf {
    let mut plain = Vec::with_capacity(field.len());
    let mut bytes = field.as_bytes();
    while let Some((&byte, rest)) = bytes.split_first() {
        let code = rest.get(..3).filter(|_| byte == b'\\').and_then(|digits| core::str::from_utf8(digits).ok());
        if let Some(code) = code.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            plain.push(code);
            bytes = rest.get(3..).unwrap_or_default();
        } else {
            plain.push(byte);
            bytes = rest;
        }
    }
    PathBuf::from(OsString::from_vec(plain))
}
