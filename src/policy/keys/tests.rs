use std::collections::{BTreeMap, BTreeSet};

use super::*;

/// For each part, a document whose only fault is a key that no part has, at `@`.
const PLACES: &[(&str, &str)] = &[
    ("document", "@"),
    ("attribute", "[attributes.'subject.a']\ntype = 'string'\n@"),
    ("action", "[actions.a]\n@"),
    ("defaults", "[defaults]\n@"),
    ("defaults.review", "[defaults.review]\n@"),
    ("risk", "[[risk]]\nid = 'a'\nwhen = 'true'\nlevel = 'low'\n@"),
    ("forbid", "[[forbid]]\nid = 'a'\nwhen = 'true'\n@"),
    ("hold", "[[hold]]\nid = 'a'\nwhen = 'true'\n@"),
    ("zone", "[[zone]]\nid = 'a'\nwhen = 'true'\nmax_risk = 'low'\n@"),
    ("emergency", "[[emergency]]\nid = 'a'\nwhen = 'true'\nreview_within = '1h'\n@"),
    ("review", "[[review]]\nid = 'a'\nwhen = 'true'\napprove = { from = 'true' }\n@"),
    (
        "stage",
        "[[review]]\nid = 'a'\nwhen = 'true'\n[[review.stage]]\nid = 's'\napprove = { from = 'true' }\n@",
    ),
    ("approve", "[[review]]\nid = 'a'\nwhen = 'true'\n[review.approve]\nfrom = 'true'\n@"),
    (
        "approve",
        "[[review]]\nid = 'a'\nwhen = 'true'\n[review.approve]\nof = [{ from = 'true' }]\nat_least = 1\n@",
    ),
    (
        "escalate",
        "[[review]]\nid = 'a'\nwhen = 'true'\napprove = { from = 'true' }\n[review.escalate]\nafter = '1h'\nadd = 'true'\n@",
    ),
    (
        "veto",
        "[[review]]\nid = 'a'\nwhen = 'true'\napprove = { from = 'true' }\n[review.veto]\nfrom = 'true'\n@",
    ),
    ("needs", "[[zone]]\nid = 'a'\nwhen = 'true'\nmax_risk = 'low'\n[zone.needs]\n@"),
    (
        "field",
        "[[zone]]\nid = 'a'\nwhen = 'true'\nmax_risk = 'low'\n[[zone.needs.fields]]\npath = 'context.reason'\n@",
    ),
    ("auth", "[[zone]]\nid = 'a'\nwhen = 'true'\nmax_risk = 'low'\n[zone.needs.auth]\nwithin = '1h'\n@"),
    ("limit", "[[zone]]\nid = 'a'\nwhen = 'true'\nmax_risk = 'low'\n[zone.limit]\ncount = 1\nper = '1h'\n@"),
    ("grant", "[[zone]]\nid = 'a'\nwhen = 'true'\nmax_risk = 'low'\n[zone.grant]\n@"),
    ("window", "[[hold]]\nid = 'a'\nwhen = 'true'\n[hold.within]\nfrom = '01:00'\n@"),
    ("obligation", "[[hold]]\nid = 'a'\nwhen = 'true'\n[[hold.obligations]]\nnotify = 'x'\n@"),
    (
        "custom",
        "[[hold]]\nid = 'a'\nwhen = 'true'\n[[hold.obligations]]\n[hold.obligations.custom]\nname = 'x'\n@",
    ),
    ("open", "[[open]]\nid = 'a'\nwhen = 'true'\nmay = ['zone']\nmax_risk = 'low'\n@"),
    ("case", "[[case]]\nname = 'c'\nbase = 'r'\nexpect = { effect = 'deny' }\n@"),
    (
        "asked",
        "[[case]]\nname = 'c'\nexpect = { effect = 'deny' }\n[case.request]\nsubject = { type = 'u', id = 'a' }\naction = { name = 'a' }\nresource = { type = 't', id = 'r' }\n@",
    ),
    (
        "asked_action",
        "[[case]]\nname = 'c'\nexpect = { effect = 'deny' }\n[case.request]\nsubject = { type = 'u', id = 'a' }\nresource = { type = 't', id = 'r' }\n[case.request.action]\nname = 'a'\n@",
    ),
    (
        "asked_resource",
        "[[case]]\nname = 'c'\nexpect = { effect = 'deny' }\n[case.request]\nsubject = { type = 'u', id = 'a' }\naction = { name = 'a' }\ncontext = { audience = 'x' }\n[[case.request.resources]]\ntype = 't'\nid = 'r'\n@",
    ),
    (
        "step",
        "[[case]]\nname = 'c'\nbase = 'r'\nexpect = { effect = 'deny' }\n[[case.votes]]\nwake = true\n@",
    ),
    (
        "signed_in",
        "[[case]]\nname = 'c'\nbase = 'r'\nexpect = { effect = 'deny' }\n[[case.votes]]\napprove = { id = 'b' }\n[case.votes.auth]\n@",
    ),
    ("expect", "[[case]]\nname = 'c'\nbase = 'r'\n[case.expect]\neffect = 'deny'\n@"),
    ("granted", "[[case]]\nname = 'c'\nbase = 'r'\n[case.expect.grant]\nsingle_use = true\n@"),
    (
        "extend",
        "[[review]]\nid = 'a'\nwhen = 'true'\napprove = { from = 'true' }\n[review.grant.extend]\nmax = '1h'\n@",
    ),
    ("lint", "[[lint]]\nallow = 'L002'\nof = 'a'\nbecause = 'b'\n@"),
];

/// What the cases ask.
const REQUEST: &str = "[requests.r]\nsubject = { type = 'user', id = 'a' }\naction = { name = 'a' }\n\
    resource = { type = 't', id = 'r' }\n";

#[test]
fn table_has_the_keys_of_the_reader() {
    let mut read: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (part, place) in PLACES {
        let place = place.replace('@', "qqqqqqqqqqqq = 1\n");
        let text = format!("format = 1\nname = 'x'\n{place}{REQUEST}");
        let error = Policy::from_toml(&text).unwrap_err();
        let faults: Vec<&str> = error.faults().map(|fault| fault.message()).collect();
        let [fault] = faults.as_slice() else { panic!("{part}: {faults:?}") };
        let (_, names) = fault.split_once("expected one of ").unwrap();
        let names = names.split(", ").map(|name| name.trim_matches('`').to_owned());
        read.entry(part).or_default().extend(names);
    }
    for (part, _, keys) in PARTS {
        let table = keys.iter().copied().flatten().map(|(name, _, _)| (*name).to_owned());
        assert_eq!(read.remove(part), Some(table.collect()), "{part}");
    }
    assert!(read.is_empty(), "{read:?}");
}

#[test]
fn required_keys_are_missed_by_the_reader() {
    for (part, place) in PLACES {
        let needed = PARTS.iter().find(|(name, _, _)| name == part).unwrap().1;
        let bare: String = place
            .lines()
            .filter(|line| !line.contains(" = ") || line.contains("from = 'true'"))
            .collect::<Vec<_>>()
            .join("\n");
        let text = if *part == "document" {
            String::new()
        } else {
            format!("format = 1\nname = 'x'\n{}", bare.replace('@', ""))
        };
        let told = Policy::from_toml(&text).err().map(|error| error.to_string()).unwrap_or_default();
        for key in needed.iter().filter(|key| !bare.contains(&format!("{key} = "))) {
            assert!(told.contains(&format!("`{key}` is missing")), "{part} {key}: {told}\n{text}");
        }
    }
}
