use super::legacy::State;
use super::program::compile;
use super::*;
use proptest::prelude::*;
use spec::oci::LinuxDeviceCgroup;

fn rules(json: &str) -> Rules {
    let devices: Vec<LinuxDeviceCgroup> = serde_json::from_str(json).unwrap();
    Rules::new(&devices, "/linux/resources/devices").unwrap()
}

fn access(text: &str) -> Access {
    Access::parse(text).unwrap()
}

/// What the rules mean: for each way to access, the last rule about the device decides.
fn allowed(rules: &Rules, (kind, major, minor): (Kind, u32, u32), wanted: Access) -> bool {
    let is = |given: Option<u32>, number| given.is_none_or(|given| given == number);
    [Access::MAKE, Access::READ, Access::WRITE].into_iter().filter(|one| wanted.and(*one) != Access::NONE).all(|one| {
        let about = |rule: &&Rule| {
            rule.kind == kind && is(rule.major, major) && is(rule.minor, minor) && rule.access.and(one) != Access::NONE
        };
        rules.list.iter().rev().find(about).map_or(rules.allow_by_default, |rule| rule.allow)
    })
}

/// Runs the program as the kernel does: struct `bpf_cgroup_dev_ctx`.
fn run(program: &[sys::bpf::Instruction], (kind, major, minor): (Kind, u32, u32), wanted: Access) -> bool {
    let code: Vec<u8> = program.iter().flat_map(|instruction| instruction.to_ne_bytes()).collect();
    let words = [kind as u32 | u32::from(wanted.bits()) << 16, major, minor];
    let mut context: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
    let machine = rbpf::EbpfVmRaw::new(Some(&code)).unwrap();
    machine.execute_program(&mut context).unwrap() == 1
}

#[test]
fn the_usual_config() {
    let rules =
        rules(r#"[{"allow":false,"access":"rwm"},{"allow":true,"type":"c","major":10,"minor":229,"access":"rw"}]"#);
    let program = compile(&rules).unwrap();
    for (device, wanted, right) in [
        ((Kind::Character, 1, 3), "rw", true),
        ((Kind::Character, 1, 3), "rwm", true),
        ((Kind::Character, 1, 2), "r", false),
        ((Kind::Character, 1, 2), "m", true),
        ((Kind::Character, 136, 77), "rw", true),
        ((Kind::Character, 5, 1), "rw", false),
        ((Kind::Character, 10, 200), "rw", true),
        ((Kind::Character, 10, 229), "rw", true),
        ((Kind::Character, 10, 229), "w", true),
        ((Kind::Block, 8, 0), "m", true),
        ((Kind::Block, 8, 0), "r", false),
        ((Kind::Block, 1, 3), "r", false),
    ] {
        assert_eq!(allowed(&rules, device, access(wanted)), right, "{device:?} {wanted}");
        assert_eq!(run(&program, device, access(wanted)), right, "program: {device:?} {wanted}");
        assert_eq!(State::of(&rules).unwrap().permits(device, access(wanted)), right, "v1: {device:?} {wanted}");
    }
}

#[test]
fn all_allowed_needs_no_filter() {
    for json in [
        r#"[{"allow":true,"access":"rwm"}]"#,
        r#"[{"allow":false,"access":"rwm"},{"allow":true,"type":"a","access":"mwr"}]"#,
        r#"[{"allow":false,"access":"rwm"},{"allow":true,"type":"a","major":-1,"minor":-1,"access":"rwm"}]"#,
    ] {
        assert!(rules(json).allows_all(), "{json}");
    }
    for json in ["[]", r#"[{"allow":true,"access":"r"}]"#, r#"[{"allow":true,"major":10,"minor":229,"access":"rwm"}]"#]
    {
        assert!(!rules(json).allows_all(), "{json}");
    }
    let denied = r#"[{"allow":true,"access":"rwm"},{"allow":false,"type":"c","major":1,"minor":1,"access":"r"}]"#;
    assert!(!rules(denied).allows_all());
}

#[test]
fn a_rule_without_a_type_is_about_both_kinds_and_no_more() {
    let rules = rules(r#"[{"allow":true,"major":10,"minor":229,"access":"r"}]"#);
    assert!(allowed(&rules, (Kind::Block, 10, 229), Access::READ));
    assert!(!allowed(&rules, (Kind::Block, 10, 229), Access::WRITE));
    assert!(!allowed(&rules, (Kind::Block, 10, 230), Access::READ));
}

#[test]
fn what_is_no_rule() {
    for (json, words) in [
        (r#"[{"allow":true}]"#, "empty"),
        (r#"[{"allow":true,"access":""}]"#, "empty"),
        (r#"[{"allow":true,"access":"rwx"}]"#, "rwx"),
        (r#"[{"allow":true,"access":"r","type":"p"}]"#, "FIFO"),
        (r#"[{"allow":true,"access":"r","type":"c","major":-2}]"#, "-2"),
        (r#"[{"allow":true,"access":"r","type":"c","minor":4294967296}]"#, "4294967296"),
    ] {
        let devices: Vec<LinuxDeviceCgroup> = serde_json::from_str(json).unwrap();
        let error = Rules::new(&devices, "/d").expect_err(json);
        assert_eq!(error.place(), Some("/d/0"));
        assert!(error.to_string().contains(words), "{error}");
    }
}

fn writes(list: &str, json: &str) -> Vec<String> {
    let wanted = State::of(&rules(json)).unwrap();
    let writes = State::parse(list).transition(&wanted);
    writes.into_iter().map(|(allow, text)| format!("{}{text}", if allow { '+' } else { '-' })).collect()
}

#[test]
fn v1_writes_from_a_fresh_cgroup() {
    let fresh = writes("a *:* rwm\n", r#"[{"allow":false,"access":"rwm"}]"#);
    assert_eq!(fresh[0], "-a");
    assert_eq!(fresh.len(), 12, "{fresh:?}");
    assert!(fresh.contains(&"+c 136:* rwm".to_owned()) && fresh.contains(&"+b *:* m".to_owned()), "{fresh:?}");
    assert_eq!(writes("a *:* rwm\n", r#"[{"allow":true,"access":"rwm"}]"#), Vec::<String>::new());
}

#[test]
fn v1_lists_the_configs_rules_first_and_in_their_order() {
    let json = r#"[{"allow":false,"access":"rwm"},{"allow":true,"type":"c","major":10,"minor":229,"access":"r"},
        {"allow":true,"type":"b","major":8,"minor":20,"access":"rw"},
        {"allow":true,"type":"c","major":10,"minor":229,"access":"w"}]"#;
    assert_eq!(writes("a *:* rwm\n", json)[..3], ["-a", "+c 10:229 rw", "+b 8:20 rw"]);
}

#[test]
fn v1_writes_on_a_host_that_is_limited_itself() {
    let lines: Vec<_> = rules("[]").list.iter().map(ToString::to_string).collect();
    let list = lines.join("\n") + "\n";
    assert_eq!(writes(&list, r#"[{"allow":false,"access":"rwm"}]"#), Vec::<String>::new());
    let more = writes(&list, r#"[{"allow":true,"type":"b","major":8,"minor":0,"access":"r"}]"#);
    assert_eq!(more, ["+b 8:0 r"]);
    let less = writes(
        &format!("{list}c 9:9 rw\nb 8:0 rwm\n"),
        r#"[{"allow":true,"type":"b","major":8,"minor":0,"access":"rm"}]"#,
    );
    assert_eq!(less, ["-c 9:9 rw", "-b 8:0 w"]);
    assert_eq!(writes(&list, r#"[{"allow":true,"access":"rwm"}]"#), ["+a"]);
}

#[test]
fn v1_has_no_exception_to_an_exception() {
    let error = State::of(&rules(
        r#"[{"allow":true,"type":"c","major":9,"access":"rw"},{"allow":false,"type":"c","major":9,"minor":1,"access":"w"}]"#,
    ));
    assert!(error.unwrap_err().to_string().contains("cannot punch hole in existing wildcard rule [c 9:* rw]"));
}

#[test]
fn more_rules_than_a_program_holds() {
    let rule = |major, minor: u32| Rule {
        allow: true,
        kind: Kind::Character,
        major,
        minor: Some(minor),
        access: Access::parse(["r", "m"][minor as usize % 2]).unwrap(),
    };
    let rules = |list| Rules { allow_by_default: false, list };
    let one_major = |count| rules((0..count).map(|minor| rule(Some(1), minor)).collect());
    let program = compile(&one_major(30_000)).unwrap();
    assert!(run(&program, (Kind::Character, 1, 29_998), Access::READ));
    assert!(!run(&program, (Kind::Character, 1, 29_998), Access::MAKE));
    assert_eq!(compile(&one_major(60_000)), None);
    // A rule about a minor number of any major number is one about each major number that others name.
    let square = |count| rules((0..count).flat_map(|n| [rule(None, n), rule(Some(n), 1000)]).collect());
    assert!(compile(&square(100)).is_some());
    assert_eq!(compile(&square(100_000)), None);
}

fn any_number() -> impl Strategy<Value = Option<u32>> {
    prop_oneof![2 => Just(None), 5 => (0_u32..4).prop_map(Some), 1 => Just(Some(u32::MAX))]
}

fn any_rule() -> impl Strategy<Value = Rule> {
    (any::<bool>(), any::<bool>(), any_number(), any_number(), 1_usize..8).prop_map(
        |(allow, block, major, minor, bits)| {
            let kind = if block { Kind::Block } else { Kind::Character };
            let texts = ["m", "r", "rm", "w", "wm", "rw", "rwm"];
            Rule { allow, kind, major, minor, access: access(texts[bits - 1]) }
        },
    )
}

fn any_rules() -> impl Strategy<Value = Rules> {
    (any::<bool>(), prop::collection::vec(any_rule(), 0..12))
        .prop_map(|(allow_by_default, list)| Rules { allow_by_default, list })
}

/// Every device that rules of these numbers can tell apart, with every way to access it.
fn requests() -> impl Iterator<Item = ((Kind, u32, u32), Access)> {
    let kinds = [Kind::Block, Kind::Character];
    let devices = kinds.into_iter().flat_map(|kind| (0..25).map(move |number| (kind, number / 5, number % 5)));
    devices.flat_map(|device| ["m", "r", "rm", "w", "wm", "rw", "rwm"].map(|text| (device, access(text))))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    /// The program and the rules agree on every device and way to access.
    #[test]
    fn the_program_is_the_rules(rules in any_rules()) {
        let program = compile(&rules).unwrap();
        for (device, wanted) in requests() {
            prop_assert_eq!(run(&program, device, wanted), allowed(&rules, device, wanted), "{:?} {}", device, wanted);
        }
    }

    /// v1 allows nothing that the rules do not, and for a single way to access all that they do.
    #[test]
    fn v1_is_no_weaker_than_the_rules(rules in any_rules()) {
        let Ok(state) = State::of(&rules) else { return Ok(()) };
        for (device, wanted) in requests() {
            let right = allowed(&rules, device, wanted);
            let single = wanted.bits().is_power_of_two();
            if single || !right {
                prop_assert_eq!(state.permits(device, wanted), right, "{:?} {}", device, wanted);
            }
        }
    }

    /// The writes that lead from one state to another do: as the kernel takes them.
    #[test]
    fn transitions_arrive(from in any_rules(), to in any_rules()) {
        let (Ok(from), Ok(to)) = (State::of(&from), State::of(&to)) else { return Ok(()) };
        let mut now = from.clone();
        for (allow, text) in from.transition(&to) {
            now.take(allow, &text);
        }
        // What a cgroup that allows by default denies can't be read, so it is left where it should be all.
        let unseen = from.is_open() && to == State::open();
        prop_assert!(now == to || unseen);
    }
}
