//! What fuzzers try here: what init reads of the image and of the kernel, and what it and this process read of each
//! other. Init has no standard library, so its readers of text are compiled once more.
#![allow(clippy::missing_panics_doc, clippy::unwrap_used, reason = "a panic is what a fuzzer looks for")]
#![allow(clippy::unnecessary_debug_formatting, reason = "odd paths are to be seen as they are")]

use crate::sentence::{Sentences, name};
use plan::{FromInit, Reader, Writer};
use std::io::Read;

#[cfg(test)]
#[path = "../../../fuzz/replay.rs"]
mod replay;

#[allow(dead_code, reason = "init uses more of it")]
#[path = "../../init/src/number.rs"]
mod number;

#[allow(dead_code, reason = "init uses more of it")]
#[path = "../../init/src/passwd.rs"]
mod passwd;

#[path = "../../init/src/root/mountinfo.rs"]
mod mountinfo;

/// A `/etc/passwd` that is read in pieces, against the whole one read plainly. The first bytes are the size of the
/// pieces and the user.
pub fn user_lookup(data: &[u8]) {
    let Some((&[piece, uid], mut file)) = data.split_first_chunk() else { return };
    let (piece, uid) = (usize::from(piece) + 1, u32::from(uid));
    let line = |line: &&[u8]| {
        let fields: Vec<_> = line.split(|byte| *byte == b':').collect();
        let number = fields.get(2).and_then(|number| std::str::from_utf8(number).ok()).filter(|n| !n.starts_with('+'));
        let home = fields.get(5).filter(|home| !home.is_empty())?;
        (line.len() < passwd::LINE && number?.parse() == Ok(uid)).then(|| home.to_vec())
    };
    let right = file.split(|byte| *byte == b'\n').find_map(|one| line(&one));
    let more = |room: &mut [u8]| {
        let length = room.len().min(piece);
        file.read(&mut room[..length]).unwrap_or(0)
    };
    let mut found = None;
    let told = passwd::search(more, uid, |home| found = Some(home.to_vec()));
    assert_eq!((told, found), (right.is_some(), right));
}

/// Lines of mountinfo, of which those of bare procfs and sysfs are taken away where they are not beneath a root.
pub fn mountinfo(data: &[u8]) {
    for line in data.split(|byte| *byte == b'\n') {
        for root in [b"/r".as_slice(), b"", b"/"] {
            let Some(point) = mountinfo::bare(line, root) else { continue };
            assert_eq!(point.last(), Some(&0));
            assert!(!point.starts_with(&[root, b"/"].concat()), "{line:?}");
        }
    }
}

/// The bytes of a plan, as init walks them and as this process speaks of them.
pub fn plan_bytes(data: &[u8]) {
    let Some((header, steps)) = Reader::with_header(data) else { return };
    let (mut again, sentences) = (Writer::default(), Sentences::new(steps.clone()));
    for (number, placed) in steps.clone().enumerate().take(500) {
        assert!(!name(&placed.step).contains('\n'), "{placed:?}");
        serde_json::to_value(placed).unwrap();
        // Places are the planner's own words.
        if number < 8 && !placed.place.contains(char::is_control) {
            told(&sentences, u32::try_from(number).unwrap());
        }
        again.push(placed.place, placed.step);
    }
    let whole = again.finish(header);
    let (read, written) = Reader::with_header(&whole).unwrap();
    assert!((read, again.count()) == (header, u32::try_from(written.clone().count()).unwrap()));
    assert!(written.zip(steps).all(|(one, other)| one == other));
}

fn told(sentences: &Sentences<'_>, step: u32) {
    let failure = plan::Failure { step, errno: 2, act: "open", detail: plan::Bytes(b"x\ny\xff\n") };
    assert!(!sentences.error(&failure).to_string().contains(char::is_control));
    assert!(!sentences.warning(&failure).contains(char::is_control));
}

/// A packet of init's.
pub fn packet(data: &[u8]) {
    let sentences = Sentences::none();
    match postcard::from_bytes(data) {
        Ok(FromInit::Failed(failure) | FromInit::Warning(failure)) => {
            let text = sentences.error(&failure).to_string();
            assert!(!text.contains(char::is_control), "{text:?}");
            sentences.warning(&failure);
        }
        Ok(FromInit::Times { first, ends }) => {
            sentences.times(first, ends.0);
            sentences.last();
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::replay::replay;
    use super::*;

    #[test]
    fn corpora() {
        replay("user_lookup", user_lookup);
        replay("mountinfo", mountinfo);
        replay("plan_bytes", plan_bytes);
        replay("plan_bytes", packet);
    }
}
