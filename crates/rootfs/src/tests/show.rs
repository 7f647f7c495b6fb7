//! Steps as lines of text.

use plan::{Attributes, Placed, Source, Step, Writer};

pub(super) fn text(plan: &Writer) -> Vec<String> {
    plan.steps().map(|placed| line(&placed)).collect()
}

fn flags(attributes: &Attributes) -> String {
    const NAMES: [(u64, &str); 8] = [
        (1, "ro"),
        (2, "nosuid"),
        (4, "nodev"),
        (8, "noexec"),
        (0x10, "noatime"),
        (0x20, "strictatime"),
        (0x80, "nodiratime"),
        (0x20_0000, "nosymfollow"),
    ];
    let mut all = Vec::new();
    let groups = [
        ("+", attributes.set),
        ("-", attributes.clear),
        ("~", attributes.clear_unlocked),
        ("r+", attributes.recursive_set),
        ("r-", attributes.recursive_clear),
    ];
    for (sign, bits) in groups {
        let mut rest = bits;
        // All three bits of the field: cleared whole.
        if sign.ends_with('-') && bits & 0x70 == 0x70 {
            all.push(format!(" {sign}atime"));
            rest &= !0x70;
        }
        for (bit, name) in NAMES {
            if rest & bit != 0 {
                all.push(format!(" {sign}{name}"));
                rest &= !bit;
            }
        }
        assert_eq!(rest, 0, "a flag without a name: {bits:#x}");
    }
    for flags in attributes.propagation.iter().filter(|flags| **flags != 0) {
        all.push(format!(" {}", propagation(*flags)));
    }
    all.concat()
}

fn propagation(flags: u32) -> String {
    let kind = match flags & !(1 << 14) {
        0x2_0000 => "unbindable",
        0x4_0000 => "private",
        0x8_0000 => "slave",
        0x10_0000 => "shared",
        other => panic!("no propagation: {other:#x}"),
    };
    format!("{}{kind}", if flags & (1 << 14) == 0 { "" } else { "r" })
}

fn shown(text: plan::Text<'_>) -> &str {
    text.0.to_str().expect("UTF-8")
}

fn line(placed: &Placed<'_>) -> String {
    let text = match placed.step {
        Step::Mount(mount) => {
            let options: Vec<_> = mount.options.iter().map(|option| option.to_str().expect("UTF-8")).collect();
            let marks = [
                (mount.copy_up, " copy-up"),
                (mount.keep_mode, " keep-mode"),
                (mount.plain_target, " plain"),
                (mount.held, " held"),
            ];
            let marks: String = marks.iter().filter(|(on, _)| *on).map(|(_, mark)| *mark).collect();
            format!(
                "mount {} {} [{}]{}{marks}",
                shown(mount.kind),
                shown(mount.target),
                options.join(","),
                flags(&mount.attributes)
            )
        }
        Step::Bind(bind) => {
            let source = match bind.source {
                Source::Path(path) => shown(path).to_owned(),
                Source::Asked(path) => format!("asked:{}", shown(path)),
            };
            let kind = if bind.recursive { "rbind" } else { "bind" };
            let map = bind.id_map.map_or(String::new(), |(handle, all)| format!(" map:{}:{all}", handle.0));
            let plain = if bind.plain_target { " plain" } else { "" };
            let held = if bind.held { " held" } else { "" };
            format!("{kind} {source} {}{}{map}{plain}{held}", shown(bind.target), flags(&bind.attributes))
        }
        Step::Remount { target, attributes, options, bind } => {
            format!("remount {} {:?}{} bind:{bind}", shown(target), options, flags(&attributes))
        }
        Step::SetAttributes { target, attributes } => format!("set {}{}", shown(target), flags(&attributes)),
        Step::Device(device) => {
            let host = if device.from_host { " from-host" } else { "" };
            let exact = if device.exact { " exact" } else { "" };
            let (path, mode) = (shown(device.path), device.mode);
            let numbers = format!("{}:{} {}:{}", device.major, device.minor, device.uid, device.gid);
            format!("device {path} {mode:o} {numbers}{host}{exact}")
        }
        Step::Link { path, to, replace } => {
            format!("link {} -> {}{}", shown(path), shown(to), if replace { " replace" } else { "" })
        }
        Step::Directory { path } => format!("directory {}", shown(path)),
        Step::Propagation { flags } => format!("propagation {}", propagation(flags)),
        Step::RootPropagation { flags } => format!("root-propagation {}", propagation(flags)),
        Step::ParentPrivate { path } => format!("parent-private {}", shown(path)),
        Step::OpenRoot { path, bind, private } => {
            let how = [(bind, " bind"), (private, " private")].map(|(is, word)| if is { word } else { "" });
            format!("open-root {}{}", shown(path), how.concat())
        }
        Step::ReadonlyPath { path } => format!("readonly {}", shown(path)),
        Step::MaskPath { path, context } => format!("mask {} {}", shown(path), shown(context)),
        Step::PivotRoot => "pivot".to_owned(),
        Step::MoveRoot => "move-root".to_owned(),
        Step::Chroot => "chroot".to_owned(),
        Step::ReadonlyRoot => "readonly-root".to_owned(),
        other => format!("{other:?}"),
    };
    format!("{}: {text}", placed.place).trim_end().to_owned()
}
