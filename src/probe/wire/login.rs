//! Credential → login. Pure: what is missing or impossible is said before anything is dialled.

use serde_json::{Value, json};

use crate::http::{self, Peer, Request, TlsOptions, socket};
use crate::model::Content;
use crate::probe::certificate;
use crate::probe::plan::{Call, Plan, Unplannable, Work};
use crate::probe::rules::Test;
use crate::schema::Kind;
use crate::secret::Secret;

/// What speaks at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::probe) enum Engine {
    Postgres,
    /// MySQL and MariaDB.
    Mysql,
    Redis,
    Mongodb,
    /// AMQP 0-9-1.
    Rabbitmq,
    Mqtt,
    Nats,
    Smtp,
    Imap,
    Ldap,
    Ftp,
}

impl Engine {
    /// An engine by its word in documents; in its place what is said where this build does not have it.
    fn named(word: &str) -> Option<Result<Self, &'static str>> {
        /// An engine, if its feature was built.
        macro_rules! built {
            ($engine:ident, $feature:literal, $title:literal) => {
                if cfg!(feature = $feature) {
                    Ok(Self::$engine)
                } else {
                    Err(concat!("this build has no ", $title, ": nothing was tried"))
                }
            };
        }
        Some(match word {
            "postgres" => built!(Postgres, "postgres", "PostgreSQL"),
            "mysql" | "mariadb" => built!(Mysql, "mysql", "MySQL"),
            "redis" => built!(Redis, "redis", "Redis"),
            "mongodb" => built!(Mongodb, "mongodb", "MongoDB"),
            "rabbitmq" => built!(Rabbitmq, "amqp", "AMQP"),
            "mqtt" => built!(Mqtt, "mqtt", "MQTT"),
            "nats" => built!(Nats, "nats", "NATS"),
            "smtp" => built!(Smtp, "smtp", "SMTP"),
            "imap" => built!(Imap, "imap", "IMAP"),
            "ldap" => built!(Ldap, "ldap", "LDAP"),
            "ftp" => built!(Ftp, "ftp", "FTP"),
            "sftp" => Err("this version cannot log in over SSH: nothing was tried"),
            _ => return None,
        })
    }

    /// The protocol's name for people.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Postgres => "PostgreSQL",
            Self::Mysql => "MySQL",
            Self::Redis => "Redis",
            Self::Mongodb => "MongoDB",
            Self::Rabbitmq => "AMQP 0-9-1",
            Self::Mqtt => "MQTT",
            Self::Nats => "NATS",
            Self::Smtp => "SMTP",
            Self::Imap => "IMAP",
            Self::Ldap => "LDAP",
            Self::Ftp => "FTP",
        }
    }

    /// The port on which TLS begins at once, where there is one. Other engines ask for TLS after they have
    /// connected, or begin with it on any port.
    fn tls_port(self) -> Option<u16> {
        match self {
            Self::Rabbitmq => Some(5671),
            Self::Mqtt => Some(8883),
            Self::Smtp => Some(465),
            Self::Imap => Some(993),
            Self::Ldap => Some(636),
            Self::Ftp => Some(990),
            Self::Postgres | Self::Mysql | Self::Redis | Self::Mongodb | Self::Nats => None,
        }
    }

    /// Whether the protocol has no way to ask for TLS: it begins with the handshake, whatever the port.
    fn only_begins_with_tls(self) -> bool {
        matches!(self, Self::Redis | Self::Mongodb | Self::Rabbitmq | Self::Mqtt)
    }

    /// Without which fields there is no login at all.
    fn needs(self) -> (bool, bool) {
        match self {
            Self::Postgres | Self::Mysql => (true, false),
            // Anyone may bind without a password, and is then nobody (RFC 4513, 5.1.2).
            Self::Rabbitmq | Self::Smtp | Self::Imap | Self::Ldap | Self::Ftp => (true, true),
            Self::Redis | Self::Mongodb | Self::Mqtt | Self::Nats => (false, false),
        }
    }

    /// Whether a password without a user name means something.
    fn knows_bare_passwords(self) -> bool {
        matches!(self, Self::Redis | Self::Nats)
    }

    /// Characters that end a field in this protocol.
    fn cannot_send(self, text: &str) -> bool {
        match self {
            Self::Postgres | Self::Mysql | Self::Mongodb => text.contains('\0'),
            Self::Smtp | Self::Imap | Self::Ftp => text.contains(['\0', '\r', '\n']),
            Self::Redis | Self::Rabbitmq | Self::Mqtt | Self::Nats | Self::Ldap => false,
        }
    }
}

/// How what is sent is kept from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Not at all.
    Plain,
    /// Encrypted to whoever answers, or whom the CA certificate vouches for.
    Anyone,
    /// Encrypted to the host.
    Host,
}

/// A login that can be tried.
#[derive(Debug)]
pub(in crate::probe) struct Login {
    pub(in crate::probe) engine: Engine,
    /// A name, or an address without brackets.
    pub(in crate::probe) host: String,
    pub(super) port: u16,
    /// May be empty.
    pub(super) user: String,
    /// May be empty.
    pub(super) password: Secret,
    /// May be empty.
    pub(super) database: String,
    pub(super) mode: Mode,
    /// Somebody chose plain text, so it may go to another machine.
    pub(super) plain_anywhere: bool,
    /// Whom it trusts, where it is encrypted.
    pub(super) tls: TlsOptions,
    /// Further settings, of which few are known.
    pub(super) options: Vec<(String, String)>,
}

impl Login {
    /// What is done, in words.
    pub(in crate::probe) fn summary(&self) -> String {
        format!("{} login at {}", self.engine.title(), self.place())
    }

    /// Host and port, as in a URL.
    pub(super) fn place(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]:{}", self.host, self.port),
            false => format!("{}:{}", self.host, self.port),
        }
    }

    pub(super) fn names_authority(&self) -> bool {
        !self.tls.authorities.is_empty()
    }

    /// Whether the first that is sent is a TLS handshake.
    pub(super) fn encrypts_first(&self) -> bool {
        self.mode != Mode::Plain
            && (self.engine.only_begins_with_tls() || self.engine.tls_port() == Some(self.port))
    }

    /// One of the further settings.
    pub(super) fn option(&self, name: &str) -> Option<&str> {
        self.options.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Makes the plan of a login.
///
/// # Errors
/// Why nothing can be tried.
pub(in crate::probe) fn plan(kind: &Kind, content: &Content) -> Result<Plan, Unplannable> {
    let mut secrets: Vec<Secret> = content.secrets.values().cloned().collect();
    if let (Some(user), Some(password)) =
        (content.get_str("/config/username"), content.secret("/config/password"))
    {
        secrets.push(Secret::new(format!("{user}:{}", password.expose())));
    }
    Ok(Plan::of(work(kind, content)?, &secrets))
}

fn work(kind: &Kind, content: &Content) -> Result<Work, Unplannable> {
    let text = |place: &str| content.get_str(place).unwrap_or_default().to_owned();
    let word = text("/config/engine");
    let engine = match (Engine::named(&word), word.as_str()) {
        (Some(Ok(engine)), _) => Some(engine),
        (Some(Err(lacking)), _) => return Err(Unplannable::NotTestable(lacking.into())),
        (None, "elasticsearch" | "opensearch") => None,
        (None, _) => return Err(Unplannable::NotTestable("no login of that engine is known".into())),
    };
    let default =
        || kind.fields_of(content).into_iter().find(|field| field.pointer == "/config/port")?.default;
    let port = content.get("/config/port").cloned().or_else(default);
    let port = port.and_then(|port| u16::try_from(port.as_u64()?).ok()).filter(|port| *port > 0);
    let host = text("/config/host");
    let mut lacks = Vec::new();
    for (place, absent) in [("/config/host", host.is_empty()), ("/config/port", port.is_none())] {
        if absent {
            lacks.push(kind.title_of(place));
        }
    }
    let password = content.secret("/config/password").cloned().unwrap_or_else(|| Secret::from(""));
    let user = text("/config/username");
    let (needs_user, needs_password) = engine.map_or((true, true), Engine::needs);
    let bare = engine.is_some_and(Engine::knows_bare_passwords);
    if user.is_empty() && (needs_user || !bare && !password.is_empty()) {
        lacks.push(kind.title_of("/config/username"));
    }
    if password.is_empty() && needs_password {
        lacks.push(kind.title_of("/config/password"));
    }
    let (true, Some(port)) = (lacks.is_empty(), port) else { return Err(Unplannable::Incomplete(lacks)) };
    let mut tls = match text("/config/tls").as_str() {
        "disable" => TlsOptions::default(),
        _ => certificate::options(kind, content)?,
    };
    let here = socket::names_this_machine(&host);
    let mode = match text("/config/tls").as_str() {
        "disable" => Mode::Plain,
        "require" => Mode::Anyone,
        "verify-full" => Mode::Host,
        // Nobody chose: encrypted and checked, except on the way to this machine itself.
        _ if !tls.authorities.is_empty() => Mode::Host,
        _ if here && engine.is_none_or(|engine| engine.tls_port() != Some(port)) => Mode::Plain,
        _ => Mode::Host,
    };
    let plain_anywhere = text("/config/tls") == "disable";
    if mode == Mode::Anyone {
        tls.peer = Peer::Anyone;
    }
    let Some(engine) = engine else {
        let scheme = if mode == Mode::Plain { "http" } else { "https" };
        let host = if host.contains(':') { format!("[{host}]") } else { host };
        let base = format!("{scheme}://{host}:{port}");
        return search(&word, &base, plain_anywhere, tls, &user, &password);
    };
    for (place, value) in [
        ("/config/username", user.as_str()),
        ("/config/password", password.expose()),
        ("/config/database", text("/config/database").as_str()),
    ] {
        if engine.cannot_send(value) {
            let field = kind.title_of(place);
            return Err(Unplannable::Unsendable { field, place: "a login" });
        }
    }
    let options = content.get("/config/options").and_then(Value::as_object);
    let options = options.into_iter().flatten();
    let options = options.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
    Ok(Work::Wire(Box::new(Login {
        engine,
        host,
        port,
        user,
        password,
        database: text("/config/database"),
        mode,
        plain_anywhere,
        tls,
        options: options.collect(),
    })))
}

/// Elasticsearch and OpenSearch speak HTTP. They are asked who we are: the root page answers everyone where
/// their security is off.
fn search(
    word: &str,
    base: &str,
    allow_http: bool,
    tls: TlsOptions,
    user: &str,
    password: &Secret,
) -> Result<Work, Unplannable> {
    let (path, pointer) = match word {
        "opensearch" => ("/_plugins/_security/authinfo", "/user_name"),
        _ => ("/_security/_authenticate", "/username"),
    };
    let url = http::join(&http::base(base)?, path)?;
    let test = json!({ "expect": { "status": [200], "json": [{ "pointer": pointer, "equals": user }] } });
    let test = Test::read(&test).map_err(|error| Unplannable::BadTest(error.to_string()))?;
    let pair = Secret::new(format!("{user}:{}", password.expose()));
    let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, pair.expose());
    let headers = vec![("Authorization".to_owned(), Secret::new(format!("Basic {encoded}")))];
    let request = Request { method: "GET".to_owned(), url, headers, body: None, allow_http, tls };
    Ok(Work::Http(Box::new(Call { request, rules: test.rules, html: false })))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{Absent, Kinds};

    fn planned(config: Value) -> Result<Work, Unplannable> {
        let kind = Kinds::builtin().get("database").unwrap();
        let document = json!({"key": "a", "kind": "database", "config": config});
        let read = kind.read(document.as_object().unwrap().clone(), None, Absent::Keeps).unwrap();
        work(kind, &read.content)
    }

    fn login(mut config: Value) -> Login {
        for (name, value) in [("username", "u"), ("password", "p")] {
            config[name] = json!(value);
        }
        match planned(config).unwrap() {
            Work::Wire(login) => *login,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    #[cfg(all(feature = "postgres", feature = "mqtt", feature = "smtp", feature = "redis"))]
    fn nothing_goes_in_plain_text_to_another_machine_unless_it_is_chosen() {
        let mode = |engine: &str, host: &str, tls: &str| {
            let mut config = json!({"engine": engine, "host": host});
            if !tls.is_empty() {
                config["tls"] = json!(tls);
            }
            let login = login(config);
            (login.mode, login.plain_anywhere)
        };
        for host in ["localhost", "LOCALHOST.", "a.localhost", "127.0.0.1", "127.9.9.9", "::1", "0x7f.1"] {
            assert_eq!(mode("postgres", host, ""), (Mode::Plain, false), "{host}");
            assert_eq!(mode("postgres", host, "verify-full"), (Mode::Host, false), "{host}");
        }
        for host in
            ["db.example", "localhost.example", "192.0.2.1", "10.0.0.1", "::ffff:192.0.2.1", "2001:db8::1"]
        {
            assert_eq!(mode("postgres", host, ""), (Mode::Host, false), "{host}");
            assert_eq!(mode("postgres", host, "require"), (Mode::Anyone, false), "{host}");
            assert_eq!(mode("postgres", host, "disable"), (Mode::Plain, true), "{host}");
        }
        let at = |port: u16| login(json!({"engine": "smtp", "host": "localhost", "port": port}));
        assert_eq!((at(465).mode, at(465).encrypts_first()), (Mode::Host, true));
        assert_eq!((at(587).mode, at(587).encrypts_first()), (Mode::Plain, false));
        let submission = login(json!({"engine": "smtp", "host": "mail.example"}));
        assert_eq!((submission.port, submission.mode, submission.encrypts_first()), (587, Mode::Host, false));
        let broker = |tls: &str| login(json!({"engine": "mqtt", "host": "m.example", "tls": tls}));
        assert_eq!((broker("disable").port, broker("disable").encrypts_first()), (1883, false));
        assert_eq!((broker("require").port, broker("require").encrypts_first()), (8883, true));
        assert!(login(json!({"engine": "redis", "host": "r.example"})).encrypts_first());
    }

    #[test]
    #[cfg(all(feature = "ldap", feature = "imap", feature = "postgres"))]
    fn what_is_missing_or_cannot_be_sent_is_said_before() {
        let said = |config: Value| planned(config).unwrap_err().to_string();
        let base = json!({"engine": "ldap", "host": "h", "username": "u"});
        assert_eq!(said(base), "Password is missing");
        assert_eq!(said(json!({"engine": "postgres", "host": "h"})), "User name is missing");
        let broken = json!({"engine": "imap", "host": "h", "username": "u", "password": "a\r\nb"});
        assert_eq!(said(broken), "Password holds characters that cannot be sent in a login");
        let pem = json!({"engine": "postgres", "host": "h", "username": "u", "ca_certificate": "nothing"});
        assert_eq!(said(pem), "CA certificate: there is no PEM in it: it needs its BEGIN and END lines");
        let shell = json!({"engine": "sftp", "host": "h", "username": "u", "password": "p"});
        assert!(matches!(planned(shell), Err(Unplannable::NotTestable(_))));
    }

    #[test]
    #[cfg(not(feature = "postgres"))]
    fn a_build_without_a_protocol_says_so() {
        let error = planned(json!({"engine": "postgres", "host": "h", "username": "u"})).unwrap_err();
        assert_eq!(error.to_string(), "this build has no PostgreSQL: nothing was tried");
    }
}
