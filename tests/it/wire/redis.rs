//! Real Redis servers.

use std::sync::OnceLock;

use super::daemon::{Daemon, Place, free_port, listens, present};
use super::*;

fn start(settings: &str, with_tls: bool) -> Option<(Daemon, u16, u16)> {
    if !present(&["redis-server"]) {
        return None;
    }
    let place = Place::of("redis").with_certificate();
    let (port, tls) = (free_port(), free_port());
    let mut text = format!("port {port}\nbind 127.0.0.1\nsave \"\"\nappendonly no\n{settings}");
    if with_tls {
        text.push_str(&format!(
            "\ntls-port {tls}\ntls-cert-file cert.pem\ntls-key-file key.pem\ntls-ca-cert-file ca.pem\ntls-auth-clients no\n"
        ));
    }
    let config = place.write("redis.conf", text);
    let daemon = place.start("redis-server", &[&config], &[]);
    Some((daemon.when(|| listens(port) && (!with_tls || listens(tls))), port, tls))
}

/// A server with a password, users and TLS, shared by the tests of this file; its ports, plain and TLS.
fn server() -> Option<(u16, u16)> {
    static SERVER: OnceLock<Option<(Daemon, u16, u16)>> = OnceLock::new();
    let users = format!(
        "requirepass {PASSWORD}\nuser app on >{PASSWORD} ~* +@all\nuser bare on >{PASSWORD} ~*\n\
         user zero on >{PASSWORD} ~* +ping\nuser off off >{PASSWORD} ~* +@all\ndatabases 4\n"
    );
    SERVER.get_or_init(|| start(&users, true)).as_ref().map(|(_, port, tls)| (*port, *tls))
}

fn base(port: u16) -> Value {
    json!({"engine": "redis", "host": "127.0.0.1", "port": port, "password": PASSWORD})
}

#[tokio::test]
async fn every_way_a_login_ends_has_its_name() {
    let Some((port, _)) = server() else { return };
    table(
        &base(port),
        &[
            (json!({}), Outcome::Ok, "logged in to Redis"),
            (json!({"username": "default", "database": "3"}), Outcome::Ok, "as default, database 3"),
            (json!({"username": "app"}), Outcome::Ok, "as app"),
            (json!({"password": "wrong-password"}), Outcome::Rejected, "WRONGPASS"),
            (json!({"username": "app", "password": "wrong-password"}), Outcome::Rejected, "WRONGPASS"),
            (json!({"username": "nobody"}), Outcome::Rejected, "WRONGPASS"),
            (json!({"username": "off"}), Outcome::Rejected, "WRONGPASS"),
            (json!({"username": "bare"}), Outcome::Limited, "NOPERM"),
            (json!({"username": "zero", "database": "1"}), Outcome::Limited, "NOPERM"),
            (json!({"database": "4"}), Outcome::WrongEndpoint, "out of range"),
            (json!({"database": "billing"}), Outcome::WrongEndpoint, "a Redis database is a number"),
            (json!({"password": null}), Outcome::Incomplete, "wants a password"),
            (json!({"username": "app", "password": "a\r\nPING"}), Outcome::Rejected, "WRONGPASS"),
        ],
    )
    .await;
}

#[tokio::test]
async fn tls_is_checked_as_the_credential_says() {
    let Some((_, port)) = server() else { return };
    let mut base = base(port);
    base["host"] = json!("localhost");
    tls_table(&base, "logged in to Redis").await;
    table(&base, &[(json!({"tls": "disable"}), Outcome::Unreachable, "closed without an answer")]).await;
}

#[tokio::test]
async fn an_open_server_proves_nothing_and_a_stopped_one_either() {
    let Some((daemon, port, _)) = start("", false) else { return };
    let rows = [
        (json!({}), Outcome::Unexpected, "without checking the password"),
        (json!({"username": "default"}), Outcome::Unexpected, "without checking the password"),
        (json!({"username": "app"}), Outcome::Rejected, "WRONGPASS"),
        (json!({"password": null}), Outcome::Ok, "asked for no password"),
    ];
    table(&base(port), &rows).await;
    daemon.stop(port);
    table(&base(port), &[(json!({}), Outcome::Unreachable, "nothing listens on that port")]).await;
}
