//! Names of the host's users, read from `/etc/passwd` itself: the C library's way would load foreign code.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};

/// The most that is read of the file, in bytes.
const LARGEST: u64 = 1 << 20;

/// A user's name, or `#uid` where there is none.
pub(crate) fn user_name(uid: u32) -> String {
    let file = File::open("/etc/passwd").ok();
    file.and_then(|file| find(BufReader::new(file.take(LARGEST)), uid)).unwrap_or_else(|| format!("#{uid}"))
}

pub(crate) fn find(file: impl BufRead, uid: u32) -> Option<String> {
    file.lines().map_while(Result::ok).find_map(|line| {
        let mut fields = line.split(':');
        let (name, number) = (fields.next()?, fields.nth(1)?);
        (number.parse() == Ok(uid) && !name.is_empty()).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn finds_the_first_user_of_that_number() {
        let file = "# a comment\n\nroot:x:0:0:root:/root:/bin/sh\nbroken\n:x:5:5::/:\nu:x:1000:1000::/home/u:\nv:x:1000:1::/:\n";
        assert_eq!(find(file.as_bytes(), 0).as_deref(), Some("root"));
        assert_eq!(find(file.as_bytes(), 1000).as_deref(), Some("u"));
        assert_eq!(find(file.as_bytes(), 5), None);
        assert_eq!(find(file.as_bytes(), 1), None);
    }
}
