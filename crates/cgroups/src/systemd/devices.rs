//! Device rules as properties. On cgroup v1 systemd opens all devices to every unit at a `daemon-reload`, but to those
//! that have such; on v2 it leaves our program alone. systemd.resource-control(5), `DeviceAllow`.

use super::properties::Property;
use super::value::Value;
use crate::devices::{Access, Kind, Rule, Rules, covers, meets};

/// The rules, as far as a list of what is allowed can say them; `None` where it can't.
pub(crate) fn stated(rules: &Rules) -> Option<Vec<Property>> {
    if rules.allow_by_default {
        return if rules.allows_all() { Some(Vec::new()) } else { None };
    }
    let mut allowed = Vec::new();
    for (number, rule) in rules.list.iter().enumerate().filter(|(_, rule)| rule.allow) {
        let later = rules.list.iter().skip(number + 1).filter(|later| !later.allow && meets(later.key(), rule.key()));
        let mut access = rule.access;
        for denial in later {
            if !covers(denial.key(), rule.key()) {
                return None;
            }
            access = access.without(denial.access);
        }
        if access != Access::NONE {
            allowed.push(Value::Struct(vec![Value::Text(node(rule)?), Value::Text(access.to_string())]));
        }
    }
    let policy = Property::new("DevicePolicy", Value::text("strict"));
    Some(vec![policy, Property::new("DeviceAllow", Value::Array("(ss)".into(), allowed))])
}

/// What systemd calls the devices of a rule: a node by its numbers, which need not be there, or a whole driver's.
fn node(rule: &Rule) -> Option<String> {
    let (folder, group) = match rule.kind {
        Kind::Block => ("block", "block"),
        Kind::Character => ("char", "char"),
    };
    match (rule.major, rule.minor) {
        (Some(major), Some(minor)) => Some(format!("/dev/{folder}/{major}:{minor}")),
        (Some(major), None) => Some(format!("{group}-{major}")),
        (None, None) => Some(format!("{group}-*")),
        (None, Some(_)) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(json: &str) -> Option<Vec<String>> {
        let rules = Rules::new(&serde_json::from_str::<Vec<_>>(json).unwrap(), "").unwrap();
        let properties = stated(&rules)?;
        let Some(Value::Array(_, items)) = properties.get(1).map(|property| &property.value) else {
            return Some(vec![]);
        };
        let show = |item: &Value| match item {
            Value::Struct(fields) => match &fields[..] {
                [Value::Text(node), Value::Text(access)] => format!("{node} {access}"),
                _ => "?".into(),
            },
            _ => "?".into(),
        };
        Some(items.iter().map(show).collect())
    }

    #[test]
    fn what_is_allowed_is_listed() {
        const DENY: &str = r#"{"allow":false,"access":"rwm"}"#;
        let defaults = shown(&format!("[{DENY}]")).unwrap();
        assert_eq!(defaults.len(), 11);
        assert!(
            ["char-* m", "/dev/char/1:3 rwm", "char-136 rwm"].iter().all(|one| defaults.contains(&(*one).to_owned()))
        );
        let first = |rules: &str| shown(&format!("[{DENY},{rules}]")).map(|list| list[0].clone());
        assert_eq!(first(r#"{"allow":true,"type":"b","major":8,"minor":0,"access":"r"}"#).unwrap(), "/dev/block/8:0 r");
        let both =
            r#"{"allow":true,"type":"c","major":8,"access":"rw"},{"allow":false,"type":"c","major":8,"access":"w"}"#;
        assert_eq!(first(both).unwrap(), "char-8 r");
        let narrow = r#"{"allow":true,"type":"c","major":8,"access":"rw"},{"allow":false,"type":"c","major":8,"minor":1,"access":"w"}"#;
        assert_eq!(first(narrow), None);
        assert_eq!(first(r#"{"allow":true,"type":"c","minor":8,"access":"rw"}"#), None);
        assert_eq!(shown(r#"[{"allow":true,"access":"rwm"}]"#), Some(vec![]));
        assert_eq!(shown(r#"[{"allow":true,"access":"rwm"},{"allow":false,"type":"c","major":1,"access":"w"}]"#), None);
    }
}
