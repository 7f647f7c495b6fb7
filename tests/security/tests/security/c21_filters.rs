//! SECURITY C21: nothing that is installed gives rights to whoever runs it; and a seccomp filter denies what its section
//! says, with every ABI that a program can speak.
//!
//! Here the kernel is asked, with the filter that the runtime has installed, about a few harmless calls; that filters say
//! the same as a model about every call there is, is tested where they are made: `crates/security/src/seccomp/tests`.

use harness::{Bundle, need_root, programs};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::MetadataExt;

#[test]
fn the_runtimes_file_gives_no_rights() {
    for path in [programs::runtime(), programs::runtime().parent().unwrap().join("cofferdam-init")] {
        let Ok(found) = fs::metadata(&path) else { continue };
        assert_eq!(found.mode() & 0o6000, 0, "{}", path.display());
        let capabilities = rustix::fs::getxattr(&path, "security.capability", &mut [0_u8; 64]);
        assert!(capabilities.is_err(), "{} has capabilities", path.display());
    }
}

/// Neither is there anything in the tree that would give some.
#[test]
fn nothing_sets_such_rights() {
    let hack = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../hack");
    let files: Vec<_> = fs::read_dir(hack).unwrap().flatten().map(|entry| entry.path()).collect();
    assert!(files.iter().any(|path| path.ends_with("security")), "{files:?}");
    for path in files.iter().filter(|path| path.is_file()) {
        let content = fs::read_to_string(path).unwrap();
        let gives = ["chmod u+s", "chmod 4755", "chmod +s", "setcap "].iter().find(|words| content.contains(*words));
        assert_eq!(gives, None, "{}", path.display());
    }
}

/// The first process that joins has it compiled; those after it take what that one has kept.
#[test]
fn who_joins_has_the_filter_each_time() {
    need_root!();
    let denied = json!({"names": ["sync"], "action": "SCMP_ACT_ERRNO", "errnoRet": 77});
    let bundle =
        Bundle::of_sleep().with("/linux/seccomp", json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [denied]}));
    programs::copy(&programs::call(), &bundle.rootfs("call"));
    bundle.up();
    for _ in 0..3 {
        assert_eq!(bundle.exec(&["/call", "162"]).ok().out, "77\n");
    }
}

/// Calls that do no harm whatever they are given, by their numbers: x86-64's (and x32's), i386's.
const CALLS: [(&str, u64, u64); 8] = [
    ("getpgid", 121, 132),
    ("getsid", 124, 147),
    ("getpriority", 140, 96),
    ("sched_getscheduler", 145, 157),
    ("sched_get_priority_max", 146, 159),
    ("umask", 95, 60),
    ("getppid", 110, 64),
    ("sched_get_priority_min", 147, 160),
];

const EDGES: [u64; 10] =
    [0, 1, 5, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0x1_0000_0000, 0x1_0000_0005, u64::MAX - 1, u64::MAX];

const X32: u64 = 0x4000_0000;

/// xorshift64: the same numbers each time.
struct Draw(u64);

impl Draw {
    fn below(&mut self, count: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap() % count
    }

    fn of<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

/// A test of one argument.
#[derive(Debug, Clone, Copy)]
struct Test {
    index: usize,
    operator: &'static str,
    value: u64,
    two: u64,
}

impl Test {
    fn draw(draw: &mut Draw) -> Self {
        let operator = draw.of(&["NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"]);
        Test { index: draw.below(3), operator, value: draw.of(&EDGES), two: draw.of(&EDGES) }
    }

    /// What it says of an argument, of which an ABI has so many bits.
    fn holds(&self, arguments: &[u64; 6], bits: u64) -> bool {
        let (found, value) = (arguments[self.index] & bits, self.value & bits);
        match self.operator {
            "NE" => found != value,
            "LT" => found < value,
            "LE" => found <= value,
            "EQ" => found == value,
            "GE" => found >= value,
            "GT" => found > value,
            _ => found & value == self.two & value,
        }
    }
}

/// A profile whose rules each answer with an error of their own: one rule a call, at most one test an argument.
struct Profile {
    /// The call, by its place in [`CALLS`], and its tests.
    rules: Vec<(usize, Vec<Test>)>,
    compat: bool,
    x32: bool,
}

/// The error of the first rule; no call has such ones of its own accord.
const FIRST: u64 = 200;

impl Profile {
    fn draw(draw: &mut Draw) -> Self {
        let calls = (0..CALLS.len()).filter(|_| draw.below(3) > 0).collect::<Vec<_>>();
        let rules = calls.into_iter().map(|call| {
            let mut tests: Vec<Test> = (0..draw.below(4)).map(|_| Test::draw(draw)).collect();
            tests.sort_by_key(|test| test.index);
            tests.dedup_by_key(|test| test.index);
            (call, tests)
        });
        Profile { rules: rules.collect(), compat: draw.below(2) == 0, x32: draw.below(2) == 0 }
    }

    fn section(&self) -> Value {
        let rules = self.rules.iter().enumerate().map(|(number, (call, tests))| {
            let args: Vec<Value> = tests
                .iter()
                .map(|test| {
                    let operator = format!("SCMP_CMP_{}", test.operator);
                    json!({"index": test.index, "op": operator, "value": test.value, "valueTwo": test.two})
                })
                .collect();
            let errno = FIRST + number as u64;
            json!({"names": [CALLS[*call].0], "action": "SCMP_ACT_ERRNO", "errnoRet": errno, "args": args})
        });
        let mut arches = vec!["SCMP_ARCH_X86_64"];
        arches.extend(self.compat.then_some("SCMP_ARCH_X86"));
        arches.extend(self.x32.then_some("SCMP_ARCH_X32"));
        json!({"defaultAction": "SCMP_ACT_ALLOW", "architectures": arches, "syscalls": rules.collect::<Vec<_>>()})
    }

    /// The error of the rule that a call meets.
    fn answer(&self, call: usize, arguments: &[u64; 6], wide: bool) -> Option<u64> {
        let bits = if wide { u64::MAX } else { u32::MAX.into() };
        let met =
            |(one, tests): &(usize, Vec<Test>)| *one == call && tests.iter().all(|test| test.holds(arguments, bits));
        self.rules.iter().position(met).map(|number| FIRST + number as u64)
    }
}

/// A line for the program that makes calls, and the error that the profile's rules give it.
fn questions(profile: &Profile, draw: &mut Draw) -> Vec<(String, Option<u64>)> {
    let mut asked = Vec::new();
    for (at, (_, native, compat)) in CALLS.iter().enumerate() {
        for first in EDGES {
            for second in EDGES {
                let arguments = [first, second, draw.of(&EDGES), 0, 0, 0];
                let mut ask = |abi: char, number: u64, wide: bool| {
                    let list = arguments.map(|argument| argument.to_string()).join(" ");
                    asked.push((format!("{abi} {number} {list}"), profile.answer(at, &arguments, wide)));
                };
                ask('n', *native, true);
                if profile.compat {
                    ask('c', *compat, false);
                }
                if profile.x32 {
                    ask('n', X32 + native, false);
                }
            }
        }
    }
    asked
}

#[test]
fn the_kernel_denies_what_drawn_profiles_say() {
    need_root!();
    if !cfg!(target_arch = "x86_64") || harness::host::is_user_mode() {
        harness::skip!("the calls are those of x86-64 and i386, with the kernel that has both");
    }
    let program = programs::compiled("security-calls", include_str!("../../src/calls.c"));
    let mut draw = Draw(0x2545_f491_4f6c_dd1d);
    let (mut denied, mut asked) = (0, 0);
    for _ in 0..rig::rounds(60, 500) {
        let profile = Profile::draw(&mut draw);
        let bundle = Bundle::new().with("/linux/seccomp", profile.section()).with("/process/args", json!(["/calls"]));
        programs::copy(&program, &bundle.rootfs("calls"));
        let questions = questions(&profile, &mut draw);
        let text = questions.iter().fold(String::new(), |text, (line, _)| text + line + "\n");
        let outcome = bundle.call(["run", bundle.id()]).input(&text).ok();
        let answers: Vec<u64> = outcome.out.lines().map(|line| line.parse().unwrap()).collect();
        assert_eq!(answers.len(), questions.len());
        for ((line, right), answer) in questions.iter().zip(answers) {
            // What no rule denies ends as the kernel says, with an error of its own or none.
            let denies = (FIRST..FIRST + 100).contains(&answer).then_some(answer);
            assert_eq!(denies, *right, "{line}: {}", profile.section());
            denied += usize::from(denies.is_some());
            asked += 1;
        }
    }
    assert!(denied * 10 > asked && denied < asked, "{denied} of {asked}");
}

/// A call of an ABI that the section does not list kills: as in libseccomp's filters.
#[test]
fn abis_that_are_not_listed_are_shut() {
    need_root!();
    if !cfg!(target_arch = "x86_64") || harness::host::is_user_mode() {
        harness::skip!("the calls are those of x86-64 and i386, with the kernel that has both");
    }
    let program = programs::compiled("security-calls", include_str!("../../src/calls.c"));
    let section = json!({"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"],
        "syscalls": [{"names": ["getpgid"], "action": "SCMP_ACT_ERRNO", "errnoRet": 200}]});
    for (line, code) in [("n 121 0 0 0 0 0 0", 0), ("c 132 0 0 0 0 0 0", 159), ("n 1073741945 0 0 0 0 0 0", 159)] {
        let bundle = Bundle::new().with("/linux/seccomp", section.clone()).with("/process/args", json!(["/calls"]));
        programs::copy(&program, &bundle.rootfs("calls"));
        let outcome = bundle.call(["run", bundle.id()]).input(&format!("{line}\n")).outcome();
        assert_eq!(outcome.code, code, "{line}: {outcome}");
    }
}
