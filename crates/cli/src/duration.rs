//! Lengths of time as Go writes them.

use std::time::Duration;

/// Reads `5s`, `100ms`, `1m30s`, `1.5h`: numbers with a unit each, `h m s ms us µs ns`.
///
/// # Errors
/// What is wrong, as a phrase.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no length of time such as 5s, 100ms or 1m30s");
    let mut total = Duration::ZERO;
    let mut rest = text;
    loop {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(wrong)?;
        let (number, more) = rest.split_at(end);
        let end = more.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(more.len());
        let (unit, more) = more.split_at(end);
        let number: f64 = number.parse().map_err(|_| wrong())?;
        let part = Duration::try_from_secs_f64(number * seconds(unit).ok_or_else(wrong)?).map_err(|_| wrong())?;
        total = total.checked_add(part).ok_or_else(wrong)?;
        if more.is_empty() {
            return Ok(total);
        }
        rest = more;
    }
}

fn seconds(unit: &str) -> Option<f64> {
    match unit {
        "h" => Some(3600.0),
        "m" => Some(60.0),
        "s" => Some(1.0),
        "ms" => Some(1e-3),
        "us" | "µs" | "μs" => Some(1e-6),
        "ns" => Some(1e-9),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths() {
        for (text, millis) in
            [("5s", 5000), ("100ms", 100), ("1m30s", 90_000), ("1.5h", 5_400_000), ("2h0m1s", 7_201_000), ("0s", 0)]
        {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "5", "s", "-5s", "5 s", "5x", "1e9s", "5s3", "..s", "999999999999999999999h"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
