//! n8n's credentials, as `n8n export:credentials --all --decrypted` writes them. Encrypted ones can be opened only with
//! the key of that n8n, which is told.

use serde_json::{Map, Value};

use super::json::{parse, secret, text};
use super::{Found, Item, Mistake, Role};
use crate::secret::Secret;

/// Types that are a login of a database or a broker, and the engine.
const ENGINES: [(&str, &str); 9] = [
    ("postgres", "postgres"),
    ("mySql", "mysql"),
    ("redis", "redis"),
    ("mongoDb", "mongodb"),
    ("rabbitmq", "rabbitmq"),
    ("mqtt", "mqtt"),
    ("smtp", "smtp"),
    ("imap", "imap"),
    ("ldap", "ldap"),
];

/// Names of n8n, and what a kind calls them.
const RENAMED: [(&str, &str); 5] = [
    ("user", "username"),
    ("hostname", "host"),
    ("accessKeyId", "access_key_id"),
    ("secretAccessKey", "secret_access_key"),
    ("sessionToken", "session_token"),
];

/// Members that are no secrets, in small letters: by what they end with.
const PLAIN: [&str; 22] = [
    "url",
    "uri",
    "host",
    "hostname",
    "port",
    "user",
    "username",
    "email",
    "domain",
    "subdomain",
    "region",
    "database",
    "server",
    "environment",
    "scope",
    "granttype",
    "authentication",
    "ssl",
    "secure",
    "accesskeyid",
    "clientid",
    "protocol",
];

pub(super) fn read(source: &str) -> Result<Found, Mistake> {
    let value = parse(source)?;
    let items = match value {
        Value::Array(items) => items,
        item if item.get("data").is_some() => vec![item],
        _ => Vec::new(),
    };
    let known = |item: &Value| item.get("type").is_some() && item.get("data").is_some();
    if items.is_empty() || !items.iter().all(known) {
        return Err(Mistake::whole("this is no list of n8n's credentials")
            .hint("`n8n export:credentials --all --decrypted --output=FILE` writes one"));
    }
    let found = items.iter().enumerate().map(|(at, value)| item(at, value)).collect();
    Ok(Found { items: found, told: Vec::new() })
}

fn item(at: usize, value: &Value) -> Item {
    let sort = text(value, "type");
    let mut item = Item::new(format!("/{at}"), text(value, "name"));
    item.fact("type", sort);
    let Some(data) = value.get("data").and_then(Value::as_object) else {
        item.skipped = Some("is encrypted with n8n's own key: export it with --decrypted".to_owned());
        return item;
    };
    let engine = ENGINES.iter().find(|(known, _)| *known == sort).map(|(_, engine)| *engine);
    if let Some(engine) = engine {
        item.kind = Some("database");
        item.other("engine", false, Secret::from(engine));
    } else if sort == "aws" {
        item.kind = Some("aws");
    } else {
        let word = ["OAuth2Api", "TokenApi", "Api"].into_iter().find_map(|end| sort.strip_suffix(end));
        item.service = word.map(str::to_owned);
    }
    members(&mut item, data, "");
    item
}

fn members(item: &mut Item, data: &Map<String, Value>, above: &str) {
    for (name, value) in data {
        let whole = format!("{above}{name}");
        if let Value::Object(inner) = value {
            // Tokens that a person got by signing in: several values in one.
            members(item, inner, &format!("{whole}."));
            continue;
        }
        let Some(value) = secret(value) else { continue };
        let small = name.to_lowercase();
        if value.expose().starts_with("={{") {
            item.told.push(format!("{whole} is computed by n8n; kept as it is written"));
        }
        if small.ends_with("url")
            && (value.expose().starts_with("https://") || value.expose().starts_with("http://"))
        {
            item.address(value.expose());
        }
        let renamed = RENAMED.iter().find(|(known, _)| item.kind.is_some() && *known == whole);
        let own = renamed.map_or(whole.as_str(), |(_, own)| own);
        let plain = PLAIN.iter().any(|end| small.ends_with(end));
        let role = match small.as_str() {
            _ if !above.is_empty() => Role::Other,
            "user" | "username" | "email" => Role::Username,
            "password" | "apikey" | "accesstoken" | "token" | "apitoken" => Role::Password,
            _ => Role::Other,
        };
        item.value(own, role, !plain, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_become_kinds_and_services() {
        let text = r#"[{"id":"1","name":"Main DB","type":"postgres","data":{"host":"db.example","database":"app","user":"u","password":"pw","port":5433,"ssl":"require"}},
            {"id":"2","name":"Mail","type":"sendGridApi","data":{"apiKey":"SG.x"}},
            {"id":"3","name":"Cloud","type":"aws","data":{"region":"eu-west-1","accessKeyId":"AKIA","secretAccessKey":"s"}},
            {"id":"4","name":"Drive","type":"googleDriveOAuth2Api","data":{"clientId":"c","clientSecret":"s","oauthTokenData":{"access_token":"a","expires_in":1}}},
            {"id":"5","name":"Sealed","type":"x","data":"U2FsdGVkX1"}]"#;
        let found = read(text).unwrap();
        let names = |at: usize| -> Vec<(String, bool)> {
            found.items[at].values.iter().map(|value| (value.name.clone(), value.secret)).collect()
        };
        let is = |name: &str, secret: bool| (name.to_owned(), secret);
        assert_eq!(found.items[0].kind, Some("database"));
        assert!(names(0).contains(&is("username", false)) && names(0).contains(&is("password", true)));
        assert_eq!(found.items[1].service.as_deref(), Some("sendGrid"));
        assert_eq!(
            names(2),
            [is("region", false), is("access_key_id", false), is("secret_access_key", true)]
        );
        assert!(names(3).contains(&is("oauthTokenData.access_token", true)));
        assert!(found.items[4].skipped.as_deref().unwrap().contains("--decrypted"));
        assert!(read("[]").is_err() && read("{\"data\":1}").is_err());
    }
}
