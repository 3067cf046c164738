//! NATS: `CONNECT`, `PING`, leave.

use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::link::Link;
use super::login::Login;
use super::verdict::{Ends, Verdict};

pub(super) async fn check(link: &mut Link<'_>, login: &Login) -> Ends<Verdict> {
    link.step("login", if login.user.is_empty() { String::new() } else { format!("as {}", login.user) });
    let line = link.line().await?;
    let info = line.strip_prefix("INFO ").and_then(|info| serde_json::from_str::<Value>(info).ok());
    let info = link.whole(info)?;
    let says = |name: &str| info.get(name).and_then(Value::as_bool).unwrap_or(false);
    if link.wants_tls() {
        if !says("tls_required") && !says("tls_available") {
            return Err(Verdict::no_tls());
        }
        link.encrypt().await?;
        link.step("login", if login.user.is_empty() { String::new() } else { format!("as {}", login.user) });
    } else if says("tls_required") {
        return Err(Verdict::unreachable("the server wants TLS: nothing was sent").advice("Set TLS."));
    }
    let password = login.password.expose();
    if !password.is_empty() && !says("auth_required") {
        return Ok(Verdict::unchecked());
    }
    let mut connect = json!({
        "verbose": false, "pedantic": false, "name": "credbench", "lang": "rust",
        "version": env!("CARGO_PKG_VERSION"), "protocol": 1, "tls_required": link.is_encrypted(),
    });
    if login.user.is_empty() {
        if !password.is_empty() {
            connect["auth_token"] = json!(password);
        }
    } else {
        connect["user"] = json!(login.user);
        connect["pass"] = json!(password);
    }
    let text = Zeroizing::new(format!("CONNECT {connect}\r\nPING\r\n"));
    link.send(text.as_bytes()).await?;
    loop {
        let line = link.line().await?;
        let (word, rest) = line.split_once(' ').unwrap_or((&line, ""));
        match word {
            "PONG" => break,
            "PING" => link.send(b"PONG\r\n").await?,
            "+OK" | "INFO" => {}
            "-ERR" => return Err(refusal(rest, password.is_empty())),
            _ => return Err(link.garbled()),
        }
    }
    let version = info.get("version").and_then(Value::as_str).unwrap_or_default();
    let who = if login.user.is_empty() { String::new() } else { format!(" as {}", login.user) };
    let how = if password.is_empty() { ", which asked for no password" } else { "" };
    Ok(Verdict::ok(format!("logged in to NATS {version}{who}{how}")))
}

/// NATS has no codes: these are the texts of its protocol's documentation.
fn refusal(said: &str, without_password: bool) -> Verdict {
    let plain = said.trim_matches('\'').to_ascii_lowercase();
    let has = |words: &str| plain.contains(words);
    match () {
        () if has("authorization violation") && without_password => Verdict::no_password(),
        () if has("authentication expired") || has("credentials expired") => Verdict::expired(said),
        () if has("authorization violation") || has("authentication") => Verdict::rejected(said),
        () if has("permissions violation") => Verdict::limited(said),
        () if has("maximum") || has("server shutdown") || has("stale connection") => {
            Verdict::unreachable(said)
        }
        () if has("tls required") => Verdict::unreachable(said).advice("Set TLS."),
        () => Verdict::unexpected(said),
    }
}
