//! SMTP submission: `EHLO`, `STARTTLS`, `AUTH`, `NOOP`, leave. No mail is begun.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::link::Link;
use super::login::Login;
use super::verdict::{Ends, Verdict};

/// The most lines of one reply.
const LINES: usize = 100;

pub(super) async fn check(link: &mut Link<'_>, login: &Login) -> Ends<Verdict> {
    link.step("hello", "EHLO");
    let greeting = reply(link).await?;
    if greeting.code != 220 {
        return Err(refusal(&greeting, Stage::Hello, login));
    }
    let mut offers = hello(link, login).await?;
    if link.wants_tls() {
        if !offers.iter().any(|offer| offer == "STARTTLS") {
            return Err(Verdict::no_tls());
        }
        let ready = say(link, "STARTTLS").await?;
        if ready.code != 220 {
            return Err(Verdict::no_tls());
        }
        link.encrypt().await?;
        link.step("hello", "EHLO");
        offers = hello(link, login).await?;
    }
    let methods: Vec<&str> = offers
        .iter()
        .filter_map(|offer| offer.strip_prefix("AUTH "))
        .flat_map(str::split_whitespace)
        .collect();
    let has = |name: &str| methods.contains(&name);
    link.step("login", format!("as {}", login.user));
    let password = login.password.expose();
    let answer = if has("PLAIN") {
        let token = Zeroizing::new(format!("\0{}\0{password}", login.user));
        say(link, &Zeroizing::new(format!("AUTH PLAIN {}", STANDARD.encode(token.as_bytes())))).await?
    } else if has("LOGIN") {
        let mut answer = say(link, "AUTH LOGIN").await?;
        for part in [login.user.as_str(), password] {
            if answer.code != 334 {
                break;
            }
            answer = say(link, &Zeroizing::new(STANDARD.encode(part))).await?;
        }
        answer
    } else if methods.is_empty() {
        let what = Verdict::wrong_endpoint("the server offers no login on this port");
        return Err(match link.is_encrypted() {
            true => what.advice("Use the port for submission: 587 or 465."),
            false => what.advice("It may offer one only under TLS: set TLS, or use port 587 or 465."),
        });
    } else {
        return Err(Verdict::not_testable(format!(
            "the server takes no passwords, only {}",
            methods.join(" ")
        )));
    };
    if answer.code != 235 {
        return Err(refusal(&answer, Stage::Login, login));
    }
    link.step("ask", "NOOP");
    let noop = say(link, "NOOP").await?;
    if noop.code != 250 {
        return Err(refusal(&noop, Stage::Asked, login));
    }
    link.leave(b"QUIT\r\n").await;
    Ok(Verdict::ok(format!("logged in as {}", login.user)))
}

/// A reply: its code, and the lines without it.
struct Reply {
    code: u16,
    lines: Vec<String>,
}

impl Reply {
    fn words(&self) -> String {
        format!("{} {}", self.code, self.lines.join(" "))
    }
}

async fn say(link: &mut Link<'_>, line: &str) -> Ends<Reply> {
    link.send(Zeroizing::new(format!("{line}\r\n")).as_bytes()).await?;
    reply(link).await
}

async fn reply(link: &mut Link<'_>) -> Ends<Reply> {
    let mut lines = Vec::new();
    loop {
        let line = link.line().await?;
        let code = line.get(..3).filter(|code| code.bytes().all(|byte| byte.is_ascii_digit()));
        let code = link.whole(code.and_then(|code| code.parse::<u16>().ok()))?;
        lines.push(line.get(4..).unwrap_or_default().to_owned());
        match line.as_bytes().get(3) {
            Some(b'-') if lines.len() < LINES => {}
            Some(b' ') | None => return Ok(Reply { code, lines }),
            _ => return Err(link.garbled()),
        }
    }
}

/// What the server offers, in capitals.
async fn hello(link: &mut Link<'_>, login: &Login) -> Ends<Vec<String>> {
    // An address is always a good name (RFC 5321, 4.1.3), and says nothing about this machine.
    let answer = say(link, "EHLO [127.0.0.1]").await?;
    if answer.code != 250 {
        return Err(refusal(&answer, Stage::Hello, login));
    }
    Ok(answer
        .lines
        .iter()
        .skip(1)
        .map(|line| line.trim().replace("AUTH=", "AUTH ").to_ascii_uppercase())
        .collect())
}

/// How far it had come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Hello,
    Login,
    Asked,
}

fn refusal(reply: &Reply, stage: Stage, login: &Login) -> Verdict {
    let words = reply.words();
    match (reply.code, stage) {
        (535, Stage::Login) => Verdict::rejected(words),
        (534, Stage::Login) => Verdict::rejected(words)
            .advice("The server wants another kind of password, such as one made for a single application."),
        (432, Stage::Login) => Verdict::expired(words),
        (530 | 538, _) => Verdict::unreachable(words).advice("The server wants TLS before a login: set TLS."),
        (454 | 421 | 451 | 452, _) => Verdict::unreachable(words),
        (504, Stage::Login) => Verdict::not_testable(words),
        (554, Stage::Hello) => {
            Verdict::unreachable(words).advice("The server does not talk to this machine.")
        }
        (code, Stage::Login) if (500..600).contains(&code) => Verdict::rejected(words),
        (220..=599, Stage::Hello) if !words.to_ascii_uppercase().contains("SMTP") && login.port != 25 => {
            Verdict::unexpected(words)
        }
        _ => Verdict::unexpected(words),
    }
}
