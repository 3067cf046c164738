use proptest::prelude::*;
use serde_json::json;

use super::*;

fn content(document: Value) -> Content {
    Content { document: document.as_object().cloned().unwrap_or_default(), ..Content::default() }
}

fn base() -> Content {
    let mut base = content(json!({
        "solution": "default", "key": "a", "kind": "api_key", "tags": ["one", "two"], "notes": "n",
        "config": {"base_url": "https://api.example.com", "placement": {"in": "header", "name": "X"}},
    }));
    base.set_secret("/config/api_key", Secret::from("s-0"));
    base.set_secret("/config/tokens/access_token", Secret::from("t-0"));
    base.set_secret("/config/tokens/refresh_token", Secret::from("r-0"));
    base
}

fn changed_by(change: impl FnOnce(&mut Content)) -> Content {
    let mut content = base();
    change(&mut content);
    content
}

#[test]
fn what_only_one_changed_is_kept() {
    let mine = changed_by(|content| {
        content.set("/key", json!("renamed"));
        content.set_secret("/config/api_key", Secret::from("s-1"));
        content.remove("/notes");
    });
    let theirs = changed_by(|content| {
        content.set("/solution", json!("moved"));
        content.set("/config/placement/name", json!("Y"));
        content.set("/owner", json!("ops"));
    });
    let merged = merge(&base(), &mine, &theirs);
    assert!(merged.clashes.is_empty(), "{:?}", merged.clashes);
    assert_eq!(merged.mine, ["/key", "/config/api_key", "/notes"]);
    assert_eq!(merged.theirs, ["/solution", "/config/placement/name", "/owner"]);
    let expected = changed_by(|content| {
        content.set("/key", json!("renamed"));
        content.set_secret("/config/api_key", Secret::from("s-1"));
        content.remove("/notes");
        content.set("/solution", json!("moved"));
        content.set("/config/placement/name", json!("Y"));
        content.set("/owner", json!("ops"));
    });
    assert_eq!(merged.content, expected);
}

#[test]
fn what_both_changed_clashes_and_theirs_stands() {
    let mine = changed_by(|content| {
        content.set_secret("/config/api_key", Secret::from("s-1"));
        content.set("/solution", json!("here"));
        content.remove("/config/placement");
    });
    let theirs = changed_by(|content| {
        content.set_secret("/config/api_key", Secret::from("s-2"));
        content.set("/solution", json!("there"));
        content.set("/config/placement/name", json!("Y"));
    });
    let merged = merge(&base(), &mine, &theirs);
    assert_eq!(merged.clashes, ["/solution", "/config/api_key", "/config/placement"]);
    assert_eq!(merged.content, theirs);
    // The same on both sides is no clash.
    let merged = merge(&base(), &mine, &mine);
    assert!(merged.clashes.is_empty() && merged.mine.is_empty() && merged.theirs.is_empty());
}

#[test]
fn lists_of_words_are_sets_and_other_lists_are_one_field() {
    let mine = changed_by(|content| content.set("/tags", json!(["three", "two"])));
    let theirs = changed_by(|content| content.set("/tags", json!(["one", "two", "four"])));
    let merged = merge(&base(), &mine, &theirs);
    assert_eq!(merged.content.tags(), ["two", "four", "three"]);
    // Taking the last tag away and adding one.
    let none = changed_by(|content| content.remove("/tags"));
    assert_eq!(merge(&base(), &none, &theirs).content.tags(), ["four"]);
    let first = changed_by(|content| content.set("/tags", json!(["one"])));
    let second = changed_by(|content| content.set("/tags", json!(["two"])));
    assert_eq!(merge(&base(), &first, &second).content.get("/tags"), None);
    let rules =
        |text: &str| changed_by(|content| content.set("/test/expect/json", json!([{"pointer": text}])));
    assert_eq!(merge(&base(), &rules("/a"), &rules("/b")).clashes, ["/test/expect/json"]);
}

#[test]
fn tokens_are_one_field() {
    let refreshed = changed_by(|content| {
        content.set_secret("/config/tokens/access_token", Secret::from("t-1"));
        content.set_secret("/config/tokens/refresh_token", Secret::from("r-1"));
    });
    let mine = changed_by(|content| content.set("/notes", json!("mine")));
    let merged = merge(&base(), &mine, &refreshed);
    assert!(merged.clashes.is_empty());
    assert_eq!(merged.content.secret("/config/tokens/refresh_token").unwrap().expose(), "r-1");
    assert_eq!(merged.content.get_str("/notes"), Some("mine"));
    let half = changed_by(|content| content.set_secret("/config/tokens/access_token", Secret::from("t-2")));
    assert_eq!(merge(&base(), &half, &refreshed).clashes, ["/config/tokens"]);
}

#[test]
fn a_value_that_became_a_secret_is_nobodys_change() {
    let open = content(json!({"config": {"pin": 4711, "account": "acc"}, "notes": ""}));
    let mut sealed = open.clone();
    sealed.set_secret("/config/pin", Secret::from("4711"));
    sealed.set_secret("/config/account", Secret::from("acc"));
    assert!(changed(&open, &sealed).is_empty() && changed(&sealed, &open).is_empty());
    let mut mine = sealed.clone();
    mine.set("/notes", json!("mine"));
    let merged = merge(&sealed, &mine, &open);
    assert!(merged.clashes.is_empty() && merged.theirs.is_empty());
    assert_eq!(merged.content, mine, "the secret stays one");
    mine.set_secret("/config/pin", Secret::from("1147"));
    assert_eq!(changed(&open, &mine), ["/config/pin", "/notes"], "the control");
}

/// Places of random contents: plain, deep, secret, lists.
const PLACES: [&str; 9] = [
    "/key",
    "/solution",
    "/config/x",
    "/config/y/z",
    "/config/y/w",
    "/config/s",
    "/config/y/t",
    "/tags",
    "/rules",
];

#[derive(Clone, Debug)]
enum Step {
    Set(usize, u8),
    Remove(usize),
    RemoveAround(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..PLACES.len(), 0..4u8).prop_map(|(place, value)| Step::Set(place, value)),
        1 => (0..PLACES.len()).prop_map(Step::Remove),
        1 => (0..PLACES.len()).prop_map(Step::RemoveAround),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    proptest::collection::vec(step(), 0..6)
}

fn walked(mut content: Content, steps: &[Step]) -> Content {
    for step in steps {
        match step {
            Step::Set(place, value) => match PLACES[*place] {
                place @ ("/config/s" | "/config/y/t") => {
                    content.set_secret(place, Secret::from(format!("s{value}").as_str()));
                }
                place @ "/tags" => {
                    let tags: Vec<_> = ["a", "b", "c"].iter().enumerate().collect();
                    let tags = tags.into_iter().filter(|(index, _)| value & (1 << index) != 0);
                    content.set(place, json!(tags.map(|(_, tag)| tag).collect::<Vec<_>>()));
                }
                place @ "/rules" => content.set(place, json!([{"value": value}])),
                place => content.set(place, json!(value)),
            },
            Step::Remove(place) => content.remove(PLACES[*place]),
            Step::RemoveAround(place) => {
                let around = PLACES[*place].rsplit_once('/').map_or("", |(around, _)| around);
                if !around.is_empty() {
                    content.remove(around);
                }
            }
        }
    }
    content
}

/// Every placeholder has its secret, and the other way round.
fn is_whole(content: &Content) -> bool {
    let mut places = Vec::new();
    for (name, value) in &content.document {
        pointer::walk(&pointer::join("", name), value, &mut |place, value| {
            if Placeholder::of(value) == Some(Placeholder::Stored) {
                places.push(place.to_owned());
            }
        });
    }
    places.sort();
    places.iter().eq(content.secrets.keys())
}

fn is_at_or_around(place: &str, other: &str) -> bool {
    place == other || place.starts_with(&format!("{other}/")) || other.starts_with(&format!("{place}/"))
}

/// Whether a place says the same in both.
fn same_at(place: &str, one: &Content, two: &Content) -> bool {
    !changed(one, two).iter().any(|differs| is_at_or_around(differs, place))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn one_side_alone_is_that_side(base in steps(), mine in steps()) {
        let base = walked(Content::default(), &base);
        let mine = walked(base.clone(), &mine);
        for (left, right) in [(&mine, &base), (&base, &mine), (&mine, &mine)] {
            let merged = merge(&base, left, right);
            prop_assert_eq!(&merged.content, &mine);
            prop_assert!(merged.clashes.is_empty());
        }
    }

    #[test]
    fn it_does_not_matter_who_is_first(base in steps(), mine in steps(), theirs in steps()) {
        let base = walked(Content::default(), &base);
        let (mine, theirs) = (walked(base.clone(), &mine), walked(base.clone(), &theirs));
        let (one, two) = (merge(&base, &mine, &theirs), merge(&base, &theirs, &mine));
        let sorted = |mut places: Vec<String>| { places.sort(); places };
        if one.clashes.is_empty() {
            prop_assert_eq!(&one.content, &two.content);
        }
        prop_assert_eq!(sorted(one.clashes), sorted(two.clashes));
        prop_assert_eq!(sorted(one.mine), sorted(two.theirs));
    }

    #[test]
    fn no_change_is_lost_and_none_is_made_up(base in steps(), mine in steps(), theirs in steps()) {
        let base = walked(Content::default(), &base);
        let (mine, theirs) = (walked(base.clone(), &mine), walked(base.clone(), &theirs));
        let merged = merge(&base, &mine, &theirs);
        prop_assert!(is_whole(&merged.content));
        for place in PLACES {
            let [before, ours, other, both] = [&base, &mine, &theirs, &merged.content]
                .map(|content| (content.get(place), content.secret(place)));
            let clash = merged.clashes.iter().any(|clash| is_at_or_around(clash, place));
            if ours == other || other == before {
                prop_assert!(both == ours || clash, "{}", place);
            } else if ours == before {
                prop_assert!(both == other || clash, "{}", place);
            } else if place == "/tags" {
                for tag in ["a", "b", "c"] {
                    let has = |content: &Content| content.tags().contains(&tag);
                    let expected = if has(&mine) == has(&theirs) { has(&mine) } else { !has(&base) };
                    prop_assert_eq!(has(&merged.content), expected);
                }
            } else {
                prop_assert!(clash, "{}", place);
            }
        }
    }

    #[test]
    fn a_clash_can_be_decided_field_by_field(
        base in steps(), mine in steps(), theirs in steps(), choice in any::<u16>(),
    ) {
        let base = walked(Content::default(), &base);
        let (mine, theirs) = (walked(base.clone(), &mine), walked(base.clone(), &theirs));
        let merged = merge(&base, &mine, &theirs);
        let mut decided = merged.content.clone();
        let chosen = |index: usize| choice & (1 << (index % 16)) != 0;
        for (index, place) in merged.clashes.iter().enumerate() {
            if chosen(index) {
                decided.graft(&mine, place);
            }
        }
        prop_assert!(is_whole(&decided));
        for (index, place) in merged.clashes.iter().enumerate() {
            let side = if chosen(index) { &mine } else { &theirs };
            prop_assert!(same_at(place, &decided, side), "{}", place);
        }
    }
}
