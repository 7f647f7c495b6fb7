//! Texts of cgroup files, read into numbers. What does not look as the kernel writes it is passed over.

use super::data::{BlkioEntry, Pressure, Waiting};

/// A number; `max` is the largest, what is below 0 is 0.
pub(crate) fn number(text: &str) -> u64 {
    match text.trim() {
        "max" => u64::MAX,
        text => text.parse().unwrap_or_default(),
    }
}

/// Numbers between blanks.
pub(crate) fn numbers(text: &str) -> Vec<u64> {
    text.split_whitespace().filter_map(|field| field.parse().ok()).collect()
}

/// A list of CPUs or nodes, `0-3,7`, one by one. The kernel writes them in order; what goes back is passed over, so
/// that no text makes a list longer than there are numbers.
pub(crate) fn range(text: &str) -> Vec<u16> {
    let mut list = Vec::new();
    for part in text.trim().split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (Ok(first), Ok(last)) = (first.parse(), last.parse()) else { continue };
        if list.last().is_none_or(|before| *before < first) {
            list.extend(first..=last);
        }
    }
    list
}

/// Lines `major:minor [op] number` of a v1 blkio file; the line of all devices' sum is left out.
pub(crate) fn blkio(text: &str) -> Vec<BlkioEntry> {
    let lines = text.lines().filter_map(|line| {
        let mut fields = line.split([' ', ':']);
        let (major, minor) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
        let (op, value) = match (fields.next()?, fields.next()) {
            (op, Some(value)) => (op, value),
            (value, None) => ("", value),
        };
        Some(BlkioEntry { major, minor, op: op.to_owned(), value: value.parse().ok()? })
    });
    lines.collect()
}

/// Lines `major:minor key=number …` of v2's `io.stat`, as v1's lists of bytes and of requests.
pub(crate) fn io(text: &str) -> (Vec<BlkioEntry>, Vec<BlkioEntry>) {
    let (mut bytes, mut requests) = (Vec::new(), Vec::new());
    for line in text.lines() {
        let mut fields = line.split_whitespace();
        let device = fields.next().and_then(|device| device.split_once(':'));
        let device = device.and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
        let Some((major, minor)) = device else { continue };
        for (key, value) in fields.filter_map(|field| field.split_once('=')) {
            let (list, op) = match key {
                "rbytes" => (&mut bytes, "Read"),
                "wbytes" => (&mut bytes, "Write"),
                "rios" => (&mut requests, "Read"),
                "wios" => (&mut requests, "Write"),
                _ => continue,
            };
            list.push(BlkioEntry { major, minor, op: op.to_owned(), value: number(value) });
        }
    }
    (bytes, requests)
}

/// A pressure file: lines `some` and `full` of `key=number`.
pub(crate) fn pressure(text: &str) -> Pressure {
    let mut pressure = Pressure::default();
    for line in text.lines() {
        let mut fields = line.split_whitespace();
        let waiting: &mut Waiting = match fields.next() {
            Some("some") => &mut pressure.some,
            Some("full") => &mut pressure.full,
            _ => continue,
        };
        for (key, value) in fields.filter_map(|field| field.split_once('=')) {
            match key {
                "avg10" => waiting.avg10 = value.parse().unwrap_or_default(),
                "avg60" => waiting.avg60 = value.parse().unwrap_or_default(),
                "avg300" => waiting.avg300 = value.parse().unwrap_or_default(),
                "total" => waiting.total = number(value),
                _ => {}
            }
        }
    }
    pressure
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        assert_eq!(range("0-2,7\n"), [0, 1, 2, 7]);
        assert_eq!(range("\n"), Vec::<u16>::new());
        assert_eq!(range("5"), [5]);
        assert_eq!(range("3-1,x,2"), [2]);
        assert_eq!(range("0-65535,0-65535,7,65535").len(), 1 << 16);
    }

    #[test]
    fn block_devices_of_v1() {
        let entry = |op: &str, value| BlkioEntry { major: 8, minor: 0, op: op.to_owned(), value };
        assert_eq!(blkio("8:0 Read 10\n8:0 Total 10\nTotal 10\n"), [entry("Read", 10), entry("Total", 10)]);
        assert_eq!(blkio("8:0 6792\nodd\n"), [entry("", 6792)]);
    }

    #[test]
    fn block_devices_of_v2() {
        let (bytes, requests) = io("8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6\n253:1\n");
        let shown = |list: Vec<BlkioEntry>| list.into_iter().map(|entry| (entry.op, entry.value)).collect::<Vec<_>>();
        assert_eq!(shown(bytes), [("Read".to_owned(), 1), ("Write".to_owned(), 2)]);
        assert_eq!(shown(requests), [("Read".to_owned(), 3), ("Write".to_owned(), 4)]);
    }

    #[test]
    fn pressures() {
        let found = pressure("some avg10=1.50 avg60=0.00 avg300=0.25 total=77\nfull avg10=0.00 total=5\n");
        assert_eq!(found.some, Waiting { avg10: 1.5, avg60: 0.0, avg300: 0.25, total: 77 });
        assert_eq!(found.full.total, 5);
    }
}
