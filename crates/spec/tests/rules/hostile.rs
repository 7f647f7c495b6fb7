//! Configs that are made to hurt: a clean error or the right Spec, at once.

use crate::config::*;
use serde_json::{Value, json};
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Refused at that place with those words, in less than a second.
#[track_caller]
fn bytes_refused(bytes: &[u8], pointer: &str, words: &str) {
    let start = Instant::now();
    let error = spec::parse(bytes.to_vec()).map(drop).expect_err("should be refused");
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    let text = error.to_string();
    assert_eq!(error.pointer(), pointer, "{text}");
    assert!(text.contains(words), "{text:?} lacks {words:?}");
    assert!(text.len() < 4096 && !text.contains(char::is_control), "{text:?}");
}

#[test]
fn what_is_not_json() {
    for (text, pointer, words) in [
        (&b""[..], "", "the file is empty"),
        (b"\xef\xbb\xbf{}", "", "byte order mark"),
        (b"{", "", "EOF"),
        (b"[", "/0", "EOF"),
        (b"{}}", "", "trailing characters at line 1 column 3"),
        (b"{} x", "", "trailing characters"),
        (b"{\"root\":{\"path\":\"\xff\"}}", "/root/path", "invalid unicode"),
        (b"{\"root\":{\"path\":\"\\ud800\"}}", "/root/path", "hex escape"),
        (b"{\"root\":\n{\"path\":\"a\nb\"}}", "/root/path", "control character"),
        (b"{\"root\":{\"path\":\"a\",}}", "/root", "trailing comma"),
        (b"{'root':1}", "", "key must be a string"),
        (b"{\"root\":{\"path\":01}}", "/root/path", "invalid number"),
        (b"{\"ociVersion\":NaN}", "/ociVersion", "expected"),
        (b"null", "", "document is null"),
        (b"[]", "/ociVersion", "missing"),
        (b"7", "", "the document is 7: must be an object"),
    ] {
        bytes_refused(text, pointer, words);
    }
}

#[test]
fn structure() {
    bytes_refused(
        &[b"[".repeat(10_000), b"]".repeat(10_000)].concat(),
        "/0".repeat(127).as_str(),
        "at most 127 levels",
    );
    let deep = format!(r#"{{"x":{}1{}}}"#, "{\"a\":".repeat(200), "}".repeat(200));
    bytes_refused(deep.as_bytes(), &format!("/x{}", "/a".repeat(126)), "levels");
    bytes_refused(br#"{"process":{"cwd":"/","cwd":"/etc"}}"#, "/process/cwd", "given twice");
    bytes_refused(br#"{"annotations":{"a":"1","\u0061":"2"}}"#, "/annotations/a", "given twice");
    bytes_refused(br#"{"unknown":{"a":1,"a":2}}"#, "/unknown/a", "given twice");
    bytes_refused(br#"{"hostname":"a\u0000b"}"#, "/hostname", "NUL");
    bytes_refused(br#"{"annotations":{"a\u0000":"b"}}"#, "/annotations/a\0", "NUL");
    bytes_refused(&vec![b' '; spec::SIZE + 1], "", "larger than the 16 MiB");
}

#[test]
fn numbers() {
    for (pointer, value) in [
        ("/process/user/uid", "-1"),
        ("/process/user/uid", "4294967296"),
        ("/process/user/uid", "1e3"),
        ("/process/user/uid", "1.0"),
        ("/process/user/uid", "\"0\""),
        ("/process/user/gid", "true"),
        ("/process/rlimits/0/hard", "18446744073709551616"),
        ("/process/rlimits/0/hard", "-1"),
        ("/linux/resources/memory/limit", "9223372036854775808"),
        ("/linux/resources/cpu/shares", "18446744073709551616"),
        ("/process/oomScoreAdj", "2147483648"),
    ] {
        let mut config = base();
        put(&mut config, pointer, &json!("VALUE"));
        let text = config.to_string().replace("\"VALUE\"", value);
        bytes_refused(text.as_bytes(), pointer, "must be a whole number");
    }
    accepted(&[("/process/user/uid", json!(2_147_483_648_u32))], 0);
    accepted(&[("/process/rlimits/0/hard", json!(u64::MAX))], 0);
}

#[test]
fn sizes() {
    let long = "x".repeat(10 << 20);
    let many = |item: Value| Value::Array(vec![item; 100_000]);
    let rules = Value::Array(vec![json!({"names": ["read"], "action": "SCMP_ACT_LOG"}); 5000]);
    for (pointer, value) in [
        ("/process/args/1", json!(long)),
        ("/process/args", many(json!("a"))),
        ("/process/env", many(json!("a=b"))),
        ("/linux/maskedPaths", many(json!("/proc/x"))),
        ("/mounts", many(json!({"destination": "/x", "type": "tmpfs"}))),
        ("/annotations/big", json!("x".repeat(1 << 20))),
        ("/annotations", (0..100_000).map(|i| (i.to_string(), json!("x"))).collect::<serde_json::Map<_, _>>().into()),
        ("/linux/seccomp", json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": rules})),
    ] {
        let start = Instant::now();
        accepted(&[(pointer, value)], 0);
        assert!(start.elapsed() < Duration::from_secs(5), "{pointer}: {:?}", start.elapsed());
    }
    for pointer in ["/process/cwd", "/ociVersion", "/process/rlimits/0/type", "/linux/rootfsPropagation"] {
        refused(&[(pointer, json!(long))], pointer, "…");
    }
    refused(&[("/process/oomScoreAdj", json!(long))], "/process/oomScoreAdj", "…");
    refused(
        &[("/linux/memoryPolicy", json!({"mode": "MPOL_BIND", "nodes": "0-65535,".repeat(1 << 20)}))],
        "/linux/memoryPolicy/nodes",
        "…",
    );
}

/// A folder of its own, removed at the end.
struct Bundle(PathBuf);

impl Bundle {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("cofferdam-spec-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a bundle");
        Self(path)
    }

    fn config(&self) -> PathBuf {
        self.0.join("config.json")
    }

    #[track_caller]
    fn refused(&self, words: &str) {
        let start = Instant::now();
        let text = spec::load(&self.0).map(drop).expect_err("should be refused").to_string();
        assert!(text.contains(words), "{text:?} lacks {words:?}");
        assert!(start.elapsed() < Duration::from_secs(1));
    }
}

impl Drop for Bundle {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).expect("the bundle goes");
    }
}

#[test]
fn files() {
    let bundle = Bundle::new("files");
    bundle.refused("JSON specification file config.json not found");
    std::fs::create_dir(bundle.config()).expect("a folder");
    bundle.refused("not a regular file");
    std::fs::remove_dir(bundle.config()).expect("gone");
    let mode = rustix::fs::Mode::from_raw_mode(0o644);
    let fifo = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, bundle.config(), fifo, mode, 0).expect("a FIFO");
    bundle.refused("not a regular file");
    std::fs::remove_file(bundle.config()).expect("gone");
    symlink("/dev/zero", bundle.config()).expect("a link");
    bundle.refused("not a regular file");
    std::fs::remove_file(bundle.config()).expect("gone");
    symlink("config.json", bundle.config()).expect("a link");
    bundle.refused("too many levels of symbolic links");
    std::fs::remove_file(bundle.config()).expect("gone");
    std::fs::File::create(bundle.config()).and_then(|file| file.set_len(4 << 30)).expect("a sparse file");
    bundle.refused("larger than the 16 MiB");
    std::fs::write(bundle.config(), b"").expect("an empty file");
    bundle.refused("the file is empty");
    let text = base().to_string();
    std::fs::write(bundle.config(), &text).expect("a config");
    assert_eq!(spec::load(&bundle.0).expect("a config").bytes, text.as_bytes());
}

/// Changed bytes, cut and doubled parts: whatever it is, it is answered, and in one short line.
#[test]
fn damaged_configs() {
    let text = include_str!("../configs/docker-limits.json").as_bytes();
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 16).unwrap_or_default() % below
    };
    let mut refused = 0;
    for _ in 0..1000 {
        let mut bytes = text.to_vec();
        let (a, b) = (random(bytes.len()), random(bytes.len()));
        match random(4) {
            0 => bytes[a] = b"{}[]\",:0-\\\0\xff"[random(12)],
            1 => bytes.truncate(a),
            2 => drop(bytes.drain(a.min(b)..a.max(b))),
            _ => bytes.extend_from_within(a.min(b)..a.max(b)),
        }
        if let Err(error) = spec::parse(bytes) {
            refused += 1;
            let text = error.to_string();
            assert!(text.len() < 4096 && !text.contains(char::is_control), "{text:?}");
        }
    }
    assert!(refused > 500, "{refused}");
}
