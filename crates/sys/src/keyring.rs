//! Keyrings. See keyctl(2).

use crate::call::{Sysno, call};
use core::ffi::CStr;
use rustix::io::Errno;

/// The kernel's number of a keyring.
#[derive(Debug, Clone, Copy)]
pub struct Keyring(usize);

const JOIN_SESSION_KEYRING: usize = 1;
const SETPERM: usize = 5;
const DESCRIBE: usize = 6;

/// Joins the session keyring of that name, made where there is none.
///
/// # Errors
/// `ENOSYS` where the kernel has no keyrings, `EDQUOT` where the user has too many.
pub fn join_session(name: &CStr) -> Result<Keyring, Errno> {
    // SAFETY: a string that ends with NUL, alive across the call.
    unsafe { call(Sysno::keyctl, [JOIN_SESSION_KEYRING, name.as_ptr() as usize, 0, 0, 0, 0]) }.map(Keyring)
}

/// Adds permissions (`KEY_USR_SEARCH` and its kin) to those that the keyring has.
///
/// # Errors
/// `EACCES`; `EINVAL` where the kernel describes the keyring in a way that is not understood.
pub fn add_permissions(keyring: Keyring, more: u32) -> Result<(), Errno> {
    let mut description = [0u8; 512];
    // SAFETY: the kernel writes at most as many bytes as the buffer has.
    unsafe {
        call(Sysno::keyctl, [DESCRIBE, keyring.0, description.as_mut_ptr() as usize, description.len(), 0, 0])?;
    }
    // type;uid;gid;permissions in hexadecimal;name
    let permissions = description
        .split(|byte| *byte == b';')
        .nth(3)
        .and_then(|text| core::str::from_utf8(text).ok())
        .and_then(|text| u32::from_str_radix(text, 16).ok())
        .ok_or(Errno::INVAL)?;
    // SAFETY: takes three integers.
    unsafe { call(Sysno::keyctl, [SETPERM, keyring.0, (permissions | more) as usize, 0, 0, 0]) }.map(drop)
}
