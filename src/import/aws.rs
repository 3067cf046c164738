//! AWS profiles: the `credentials` and the `config` file of the command line of AWS, or both put together. What they
//! point to (other files, programs, a sign-in in a browser) is told and never followed.

use std::collections::BTreeMap;

use super::{Found, Item, Mistake};
use crate::secret::Secret;

/// Settings that a credential has a field for, and the name of the field.
const FIELDS: [(&str, &str); 5] = [
    ("aws_access_key_id", "access_key_id"),
    ("aws_secret_access_key", "secret_access_key"),
    ("aws_session_token", "session_token"),
    ("region", "region"),
    ("endpoint_url", "endpoint_url"),
];

/// One profile, as both files say it.
#[derive(Default)]
struct Profile {
    place: String,
    settings: BTreeMap<String, String>,
}

pub(super) fn read(text: &str) -> Result<Found, Mistake> {
    let mut profiles: Vec<(String, Profile)> = Vec::new();
    let mut current: Option<usize> = None;
    // Settings below a setting, such as those of `s3 =`.
    let mut outer = String::new();
    for (number, line) in text.lines().enumerate() {
        let place = format!("line {}", number + 1);
        let content = line.trim();
        if content.is_empty() || content.starts_with(['#', ';']) {
            continue;
        }
        if let Some(rest) = content.strip_prefix('[') {
            let Some((name, _)) = rest.split_once(']') else {
                return Err(Mistake::new(place, "a section that is opened here is not closed"));
            };
            let name = name.trim();
            // A section that is no profile, such as [sso-session x], is none of ours.
            let name = name.strip_prefix("profile ").map(str::trim).or((!name.contains(' ')).then_some(name));
            current = name.map(|name| match profiles.iter().position(|(known, _)| known == name) {
                Some(at) => at,
                None => {
                    profiles.push((name.to_owned(), Profile { place, ..Profile::default() }));
                    profiles.len() - 1
                }
            });
            outer.clear();
            continue;
        }
        let Some((name, value)) = content.split_once('=') else {
            return Err(Mistake::new(place, "neither a section nor name = value stands here"));
        };
        let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
        let Some(at) = current else { continue };
        let inner = line.starts_with([' ', '\t']) && !outer.is_empty();
        let whole = if inner { format!("{outer}.{name}") } else { name };
        if value.is_empty() {
            outer = whole;
        } else {
            profiles[at].1.settings.insert(whole, value.to_owned());
        }
        if !inner && !value.is_empty() {
            outer.clear();
        }
    }
    if profiles.is_empty() {
        return Err(Mistake::whole("no profile stands in it: a line such as [default] is wanted"));
    }
    let names: BTreeMap<&str, &Profile> =
        profiles.iter().map(|(name, profile)| (name.as_str(), profile)).collect();
    let items = profiles.iter().map(|(name, profile)| item(name, profile, &names)).collect();
    Ok(Found { items, told: Vec::new() })
}

fn item(name: &str, profile: &Profile, all: &BTreeMap<&str, &Profile>) -> Item {
    const ID: &str = "aws_access_key_id";
    let mut item = Item::new(&profile.place, name);
    item.kind = Some("aws");
    let mut settings = profile.settings.clone();
    // A role is taken on with the key of another profile.
    if let Some(source) = settings.get("source_profile").and_then(|source| all.get(source.as_str())) {
        for (setting, _) in &FIELDS[..3] {
            if let Some(value) = source.settings.get(*setting).filter(|_| !settings.contains_key(ID)) {
                item.other(field(setting), *setting != ID, Secret::from(value.as_str()));
            }
        }
    }
    if let Some(role) = settings.remove("role_arn") {
        item.other("role_arn", false, Secret::new(role));
    }
    if settings.contains_key("credential_process") {
        item.told.push("names a program that gives keys out; it is not run".to_owned());
    }
    for (setting, value) in settings {
        let secret = setting.contains("secret") || setting.contains("token");
        match FIELDS.iter().any(|(known, _)| *known == setting) {
            true => item.other(field(&setting), secret, Secret::new(value)),
            false => item.fact(&setting, value),
        }
    }
    if !item.has_secret() {
        let signs_in = item.facts.iter().any(|(fact, _)| fact.starts_with("sso_"));
        let why = if signs_in { "signs in through SSO: it has no key" } else { "has no key" };
        item.skipped = Some(why.to_owned());
    }
    item
}

fn field(setting: &str) -> &str {
    FIELDS.iter().find(|(known, _)| *known == setting).map_or(setting, |(_, field)| field)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(item: &Item) -> Vec<(&str, bool, &str)> {
        item.values.iter().map(|value| (value.name.as_str(), value.secret, value.text.expose())).collect()
    }

    #[test]
    fn both_files_put_together_give_a_profile_each() {
        let text = "[default]\naws_access_key_id = AKIA1\naws_secret_access_key=s/1+=\n# comment\n\
            [deploy]\naws_access_key_id=AKIA2\naws_secret_access_key=s2\naws_session_token=t2\n\
            \n[default]\nregion = eu-central-1\ns3 =\n  max_concurrent_requests = 20\n  addressing_style = path\noutput=json\n\
            [profile prod]\nrole_arn = arn:aws:iam::123456789012:role/deploy\nsource_profile = deploy\nmfa_serial=m\n\
            [profile sso]\nsso_session = corp\nsso_account_id = 1\n[sso-session corp]\nsso_start_url=https://x\n\
            [profile p]\ncredential_process = /bin/rm -rf /\n";
        let found = read(text).unwrap();
        let names: Vec<_> = found.items.iter().map(|item| item.name.as_str()).collect();
        assert_eq!(names, ["default", "deploy", "prod", "sso", "p"]);
        let key = [
            ("access_key_id", false, "AKIA1"),
            ("secret_access_key", true, "s/1+="),
            ("region", false, "eu-central-1"),
        ];
        assert_eq!(values(&found.items[0]), key);
        let facts: Vec<_> = found.items[0].facts.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(facts, ["output", "s3.addressing_style", "s3.max_concurrent_requests"]);
        let role = [
            ("access_key_id", false, "AKIA2"),
            ("secret_access_key", true, "s2"),
            ("session_token", true, "t2"),
            ("role_arn", false, "arn:aws:iam::123456789012:role/deploy"),
        ];
        assert_eq!(values(&found.items[2]), role);
        assert_eq!(found.items[3].skipped.as_deref(), Some("signs in through SSO: it has no key"));
        assert_eq!(found.items[4].told, ["names a program that gives keys out; it is not run"]);
    }

    #[test]
    fn mistakes_name_their_line() {
        assert_eq!(read("[a]\nx\n").unwrap_err().place, "line 2");
        assert_eq!(read("[a\n").unwrap_err().place, "line 1");
        assert!(read("").is_err());
    }
}
