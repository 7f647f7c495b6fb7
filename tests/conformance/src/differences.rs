//! What a runtime is known to do otherwise, and why. An entry that is not needed any more is a failure.

/// A row that does not hold.
pub(crate) struct Difference {
    runtime: &'static str,
    row: &'static str,
    pub(crate) reason: &'static str,
}

/// The known difference of a runtime in a row.
pub(crate) fn of(runtime: &str, row: &str) -> Option<&'static Difference> {
    DIFFERENCES.iter().find(|known| known.runtime == runtime && known.row == row)
}

const fn runc(row: &'static str, reason: &'static str) -> Difference {
    Difference { runtime: "runc 1.1.5", row, reason }
}

const fn crun(row: &'static str, reason: &'static str) -> Difference {
    Difference { runtime: "crun 1.8.1", row, reason }
}

const fn ours(row: &'static str, reason: &'static str) -> Difference {
    Difference { runtime: "cofferdam", row, reason }
}

#[rustfmt::skip]
const DIFFERENCES: &[Difference] = &[
    runc("config::what_is_no_version_is_refused", "it does not look at the version"),
    runc("config::another_major_version_is_refused", "it does not look at the version"),
    crun("config::a_later_minor_version_is_taken", "it takes 1.0 and 1.1"),
];
