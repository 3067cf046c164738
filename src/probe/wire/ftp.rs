//! FTP: `AUTH TLS`, `USER`, `PASS`, `PWD`, leave. No data connection is made.

use zeroize::Zeroizing;

use super::link::Link;
use super::login::Login;
use super::verdict::{Ends, Verdict};

/// The most lines of one reply.
const LINES: usize = 200;

pub(super) async fn check(link: &mut Link<'_>, login: &Login) -> Ends<Verdict> {
    link.step("hello", "");
    let (code, words) = reply(link).await?;
    if code != 220 {
        return Err(refusal(code, words, link.is_encrypted()));
    }
    if link.wants_tls() {
        let (code, _) = say(link, "AUTH TLS").await?;
        if code != 234 {
            return Err(Verdict::no_tls());
        }
        link.encrypt().await?;
    }
    link.step("login", format!("as {}", login.user));
    match say(link, &format!("USER {}", login.user)).await? {
        (331, _) => {}
        (230, _) => return Ok(Verdict::unchecked()),
        (code, words) => return Err(refusal(code, words, link.is_encrypted())),
    }
    match say(link, &Zeroizing::new(format!("PASS {}", login.password.expose()))).await? {
        (230, _) => {}
        (202, _) => return Ok(Verdict::unchecked()),
        (332, words) => return Err(Verdict::not_testable(words)),
        (code, words) => return Err(refusal(code, words, link.is_encrypted())),
    }
    // By convention these take anything for a password.
    if ["anonymous", "ftp"].iter().any(|user| login.user.eq_ignore_ascii_case(user)) {
        link.leave(b"QUIT\r\n").await;
        return Ok(Verdict::unchecked());
    }
    link.step("ask", "PWD");
    let (code, words) = say(link, "PWD").await?;
    link.leave(b"QUIT\r\n").await;
    match code {
        257 => Ok(Verdict::ok(format!("logged in as {}: {words}", login.user))),
        550 => Err(Verdict::limited(words)),
        _ => Err(refusal(code, words, link.is_encrypted())),
    }
}

async fn say(link: &mut Link<'_>, line: &str) -> Ends<(u16, String)> {
    link.send(Zeroizing::new(format!("{line}\r\n")).as_bytes()).await?;
    reply(link).await
}

/// A reply: its code, and its last line whole. Lines between may look like anything (RFC 959, 4.2).
async fn reply(link: &mut Link<'_>) -> Ends<(u16, String)> {
    let first = link.line().await?;
    let code = first.get(..3).filter(|code| code.bytes().all(|byte| byte.is_ascii_digit()));
    let number = link.whole(code.and_then(|code| code.parse::<u16>().ok()))?;
    let mut last = first.clone();
    if first.as_bytes().get(3) == Some(&b'-') {
        let end = format!("{number} ");
        for count in 0.. {
            if count == LINES {
                return Err(Verdict::unexpected("the server's answer did not end"));
            }
            last = link.line().await?;
            if last.starts_with(&end) {
                break;
            }
        }
    }
    Ok((number, last))
}

fn refusal(code: u16, words: String, encrypted: bool) -> Verdict {
    match code {
        530 if encrypted => Verdict::rejected(words),
        530 => Verdict::rejected(words).advice(
            "Compare user name and password. A server that wants TLS gives the same code: then set TLS.",
        ),
        421 | 434 | 450 | 451 => Verdict::unreachable(words),
        534 | 533 | 522 => Verdict::unreachable(words).advice("The server wants TLS: set it."),
        _ => Verdict::unexpected(words),
    }
}
