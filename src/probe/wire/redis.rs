//! Redis, RESP2: `AUTH`, `PING`, `SELECT`, leave.

use super::link::Link;
use super::login::Login;
use super::verdict::{Ends, Verdict};

pub(super) async fn check(link: &mut Link<'_>, login: &Login) -> Ends<Verdict> {
    link.step("login", if login.user.is_empty() { String::new() } else { format!("as {}", login.user) });
    let database = match login.database.as_str() {
        "" => None,
        text => match text.parse::<u32>() {
            Ok(number) => Some(number),
            Err(_) => {
                let message = format!("a Redis database is a number, not {text}: nothing was sent");
                return Err(Verdict::wrong_endpoint(message).advice("Correct the database."));
            }
        },
    };
    // Who may ask without a password is let in with any password: a good answer to `AUTH` would prove nothing.
    let open = match command(link, &["PING"]).await? {
        Reply::Good => true,
        Reply::Error(error) if code(&error) == "NOAUTH" => false,
        // Before version 6, and of a default user that may not ask.
        Reply::Error(error) if error.contains("uthentication required") => false,
        Reply::Error(error) if code(&error) == "NOPERM" => true,
        Reply::Error(error) => return Err(trouble(&error)),
    };
    let user = Some(login.user.as_str()).filter(|user| !user.is_empty());
    if login.password.is_empty() {
        if !open {
            return Err(Verdict::no_password());
        }
    } else {
        if open && user.is_none_or(|user| user == "default") {
            return Ok(Verdict::unchecked());
        }
        let auth: Vec<&str> = ["AUTH"].into_iter().chain(user).chain([login.password.expose()]).collect();
        if let Reply::Error(error) = command(link, &auth).await? {
            return Err(refusal(&error));
        }
    }
    link.step("ask", "PING");
    if let Reply::Error(error) = command(link, &["PING"]).await? {
        return Err(trouble(&error));
    }
    let mut place = String::new();
    if let Some(number) = database {
        link.step("ask", format!("SELECT {number}"));
        if let Reply::Error(error) = command(link, &["SELECT", &number.to_string()]).await? {
            return Err(match code(&error) {
                "NOPERM" => Verdict::limited(error),
                _ => Verdict::no_database(error),
            });
        }
        place = format!(", database {number}");
    }
    link.leave(b"*1\r\n$4\r\nQUIT\r\n").await;
    let who = user.map_or_else(String::new, |user| format!(" as {user}"));
    let how = if login.password.is_empty() { ", which asked for no password" } else { "" };
    Ok(Verdict::ok(format!("logged in to Redis{who}{place}{how}")))
}

enum Reply {
    Good,
    Error(String),
}

/// Sends a command and reads its reply: a line, good or bad. Nothing else can come back from what is asked.
async fn command(link: &mut Link<'_>, words: &[&str]) -> Ends<Reply> {
    let mut request = zeroize::Zeroizing::new(format!("*{}\r\n", words.len()));
    for word in words {
        request.push_str(&format!("${}\r\n{word}\r\n", word.len()));
    }
    link.send(request.as_bytes()).await?;
    let line = link.line().await?;
    match line.split_at_checked(1) {
        Some(("+", _)) => Ok(Reply::Good),
        Some(("-", rest)) => Ok(Reply::Error(rest.to_owned())),
        _ => Err(link.garbled()),
    }
}

/// The word that an error begins with.
fn code(error: &str) -> &str {
    error.split(' ').next().unwrap_or_default()
}

fn refusal(error: &str) -> Verdict {
    match code(error) {
        "WRONGPASS" => Verdict::rejected(error),
        // Before version 6.
        "ERR" if error.contains("invalid password") => Verdict::rejected(error),
        "ERR"
            if error.contains("no password is set") || error.contains("without any password configured") =>
        {
            Verdict::unchecked()
        }
        "ERR" if error.contains("wrong number of arguments") => {
            Verdict::unexpected(error).advice("Servers before version 6 know no user names: remove it.")
        }
        _ => trouble(error),
    }
}

fn trouble(error: &str) -> Verdict {
    match code(error) {
        "NOPERM" => Verdict::limited(error),
        "DENIED" => Verdict::unreachable(error)
            .advice("The server is in protected mode and answers only its own machine."),
        "LOADING" | "BUSY" | "MASTERDOWN" | "CLUSTERDOWN" | "TRYAGAIN" => Verdict::unreachable(error),
        "ERR" if error.contains("max number of clients") => Verdict::unreachable(error),
        "NOAUTH" => Verdict::unexpected(error),
        _ => Verdict::unexpected(error),
    }
}
