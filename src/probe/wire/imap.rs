//! IMAP4rev1: `STARTTLS`, `AUTHENTICATE PLAIN` or `LOGIN`, `NOOP`, leave. No mailbox is opened.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::link::Link;
use super::login::Login;
use super::verdict::{Ends, Verdict};

/// The most lines before the end of one answer.
const LINES: usize = 200;

pub(super) async fn check(link: &mut Link<'_>, login: &Login) -> Ends<Verdict> {
    link.step("hello", "CAPABILITY");
    let greeting = link.line().await?;
    match greeting.to_ascii_uppercase() {
        line if line.starts_with("* OK") => {}
        line if line.starts_with("* PREAUTH") => return Ok(Verdict::unchecked()),
        line if line.starts_with("* BYE") => return Err(Verdict::unreachable(greeting)),
        _ => return Err(link.garbled()),
    }
    let mut talk = Talk { link, count: 0 };
    let mut abilities = talk.abilities().await?;
    if talk.link.wants_tls() {
        if !abilities.iter().any(|ability| ability == "STARTTLS") {
            return Err(Verdict::no_tls());
        }
        let answer = talk.ask("STARTTLS").await?;
        if !answer.is_ok() {
            return Err(Verdict::no_tls());
        }
        talk.link.encrypt().await?;
        talk.link.step("hello", "CAPABILITY");
        // What was offered in plain text does not count any more.
        abilities = talk.abilities().await?;
    }
    let has = |name: &str| abilities.iter().any(|ability| ability == name);
    talk.link.step("login", format!("as {}", login.user));
    let answer = if has("AUTH=PLAIN") {
        let token = Zeroizing::new(format!("\0{}\0{}", login.user, login.password.expose()));
        let token = Zeroizing::new(STANDARD.encode(token.as_bytes()));
        talk.authenticate(&token, has("SASL-IR")).await?
    } else if has("LOGINDISABLED") {
        return Err(Verdict::unreachable("the server takes no passwords in plain text: nothing was sent")
            .advice("Set TLS, or use port 993."));
    } else {
        let (user, password) = (quoted(&login.user), quoted(login.password.expose()));
        let (Some(user), Some(password)) = (user, password) else {
            return Err(Verdict::not_testable("the server takes no characters outside ASCII in a login"));
        };
        talk.ask(&Zeroizing::new(format!("LOGIN {} {}", *user, *password))).await?
    };
    if !answer.is_ok() {
        return Err(answer.refusal());
    }
    talk.link.step("ask", "NOOP");
    let noop = talk.ask("NOOP").await?;
    if !noop.is_ok() {
        return Err(Verdict::unexpected(noop.words));
    }
    let bye = format!("c{} LOGOUT\r\n", talk.count + 1);
    talk.link.leave(bye.as_bytes()).await;
    Ok(Verdict::ok(format!("logged in as {}", login.user)))
}

/// Commands with their tags.
struct Talk<'a, 'b> {
    link: &'a mut Link<'b>,
    count: u32,
}

/// How a command ended.
struct Answer {
    /// `OK`, `NO` or `BAD`.
    word: String,
    /// What was said with it.
    words: String,
    /// The untagged lines before.
    lines: Vec<String>,
}

impl Answer {
    fn is_ok(&self) -> bool {
        self.word == "OK"
    }

    fn refusal(self) -> Verdict {
        let code = self.words.strip_prefix('[').and_then(|rest| rest.split([']', ' ']).next());
        let code = code.unwrap_or_default().to_ascii_uppercase();
        match (self.word.as_str(), code.as_str()) {
            ("NO", "EXPIRED") => Verdict::expired(self.words),
            ("NO", "AUTHORIZATIONFAILED" | "NOPERM") => Verdict::limited(self.words),
            ("NO", "UNAVAILABLE" | "INUSE" | "SERVERBUG") => Verdict::unreachable(self.words),
            ("NO", "LIMIT") => Verdict::rate_limited(self.words),
            ("NO", "PRIVACYREQUIRED") => Verdict::unreachable(self.words).advice("Set TLS, or use port 993."),
            ("NO", _) => Verdict::rejected(self.words),
            _ => Verdict::unexpected(self.words),
        }
    }
}

impl Talk<'_, '_> {
    async fn ask(&mut self, command: &str) -> Ends<Answer> {
        self.count += 1;
        let line = Zeroizing::new(format!("c{} {command}\r\n", self.count));
        self.link.send(line.as_bytes()).await?;
        self.answer(None).await
    }

    async fn authenticate(&mut self, token: &str, at_once: bool) -> Ends<Answer> {
        if at_once {
            return self.ask(&Zeroizing::new(format!("AUTHENTICATE PLAIN {token}"))).await;
        }
        self.count += 1;
        self.link.send(format!("c{} AUTHENTICATE PLAIN\r\n", self.count).as_bytes()).await?;
        self.answer(Some(token)).await
    }

    /// Reads until the tagged line. `more` is sent where the server asks to go on, once.
    async fn answer(&mut self, mut more: Option<&str>) -> Ends<Answer> {
        let tag = format!("c{} ", self.count);
        let mut lines = Vec::new();
        while lines.len() < LINES {
            let line = self.link.line().await?;
            if let Some(rest) = line.strip_prefix(&tag) {
                let (word, words) = rest.split_once(' ').unwrap_or((rest, ""));
                return Ok(Answer { word: word.to_ascii_uppercase(), words: words.to_owned(), lines });
            }
            if line.starts_with('+') {
                let token = self.link.whole(more.take())?;
                self.link.send(Zeroizing::new(format!("{token}\r\n")).as_bytes()).await?;
                continue;
            }
            if line.to_ascii_uppercase().starts_with("* BYE") {
                return Err(Verdict::unreachable(line));
            }
            if !line.starts_with("* ") {
                return Err(self.link.garbled());
            }
            lines.push(line);
        }
        Err(Verdict::unexpected("the server's answer did not end"))
    }

    async fn abilities(&mut self) -> Ends<Vec<String>> {
        let answer = self.ask("CAPABILITY").await?;
        let words = answer.lines.iter().flat_map(|line| line.split_whitespace());
        Ok(words.map(str::to_ascii_uppercase).collect())
    }
}

/// A quoted string, which holds ASCII alone.
fn quoted(text: &str) -> Option<Zeroizing<String>> {
    text.is_ascii()
        .then(|| Zeroizing::new(format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))))
}
