//! What comes of looking at a row, and what is to be thought of it.

use crate::differences::{self, Difference};
use crate::rows::Row;
use crate::{report, runtime};
use libtest_mimic::Failed;
use serde_json::json;
use std::cell::RefCell;
use std::panic::{catch_unwind, resume_unwind};

/// Why a row can't be looked at here.
struct Skipped(String);

enum Verdict {
    Holds,
    Skipped(String),
    DoesNotHold(String),
}

/// Ends the look at a row that this machine can't show, and says why.
pub(crate) fn skip(reason: &str) -> ! {
    resume_unwind(Box::new(Skipped(reason.to_owned())))
}

/// Looks at a row: an error unless it holds, or is known not to.
pub(crate) fn of(row: &Row) -> Result<(), Failed> {
    let verdict = look(row);
    let known = differences::of(runtime::name(), &row.name());
    tell(row, &verdict, known.as_ref());
    match (verdict, known) {
        (Verdict::Holds, Some(_)) => Err("it holds: its entry in differences.rs is to be removed".into()),
        (Verdict::Holds, None) | (Verdict::DoesNotHold(_), Some(_)) => Ok(()),
        (Verdict::DoesNotHold(why), None) => Err(format!("{}\n{why}", row.rule).into()),
        (Verdict::Skipped(reason), _) => {
            harness::host::say_is_skipped(&row.name(), &reason);
            Ok(())
        }
    }
}

thread_local!(static SAID: RefCell<String> = const { RefCell::new(String::new()) });

/// A failed assertion is a verdict; what it says is kept for it.
pub(crate) fn keep_panics_to_ourselves() {
    std::panic::set_hook(Box::new(|panic| SAID.set(panic.to_string())));
}

fn look(row: &Row) -> Verdict {
    match catch_unwind(row.look) {
        Ok(()) => Verdict::Holds,
        Err(cause) => match cause.downcast::<Skipped>() {
            Ok(skipped) => Verdict::Skipped(skipped.0),
            Err(_) => Verdict::DoesNotHold(SAID.take()),
        },
    }
}

/// A line for the pages.
fn tell(row: &Row, verdict: &Verdict, known: Option<&Difference>) {
    let (word, why) = match verdict {
        Verdict::Holds => ("yes", ""),
        Verdict::Skipped(reason) => ("skipped", reason.as_str()),
        Verdict::DoesNotHold(why) => ("no", known.map_or(why.as_str(), |known| known.reason)),
    };
    report::line(&json!({
        "section": row.section, "name": row.name(), "rule": row.rule,
        "runtime": runtime::name(), "verdict": word, "why": why,
    }));
}
