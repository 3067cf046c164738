//! A real PostgreSQL server.

use std::sync::OnceLock;

use super::daemon::{Daemon, Place, free_port, judges, present};
use super::*;

const RULES: &str = "
host    all trusted   127.0.0.1/32 trust
host    all old       127.0.0.1/32 md5
host    all clear     127.0.0.1/32 password
host    all elsewhere 127.0.0.1/32 reject
hostssl all encrypted 127.0.0.1/32 scram-sha-256
host    all encrypted 127.0.0.1/32 reject
host    all all       127.0.0.1/32 scram-sha-256
";

/// A server with TLS, shared by the tests of this file; its port.
fn server() -> Option<u16> {
    static SERVER: OnceLock<Option<(Daemon, u16)>> = OnceLock::new();
    SERVER.get_or_init(start).as_ref().map(|(_, port)| *port)
}

fn start() -> Option<(Daemon, u16)> {
    if !present(&["postgres", "initdb"]) {
        return None;
    }
    let place = Place::of("postgres").with_certificate();
    let data = place.at("data");
    place.run("initdb", &["-D", &data, "-U", "admin", "--no-sync", "-E", "UTF8", "--locale=C"], "");
    let password = PASSWORD;
    let setup = format!(
        "CREATE ROLE app LOGIN PASSWORD '{password}';\n\
         CREATE ROLE \"Jürgen, =\" LOGIN PASSWORD 'pässwörd™';\n\
         CREATE ROLE trusted LOGIN;\n\
         CREATE ROLE clear LOGIN PASSWORD '{password}';\n\
         CREATE ROLE encrypted LOGIN PASSWORD '{password}';\n\
         CREATE ROLE elsewhere LOGIN PASSWORD '{password}';\n\
         CREATE ROLE group_only NOLOGIN PASSWORD '{password}';\n\
         CREATE ROLE over LOGIN PASSWORD '{password}' VALID UNTIL '2020-01-01';\n\
         CREATE ROLE full LOGIN PASSWORD '{password}' CONNECTION LIMIT 0;\n\
         SET password_encryption = 'md5'; CREATE ROLE old LOGIN PASSWORD '{password}';\n\
         CREATE DATABASE app OWNER app;\n\
         CREATE DATABASE closed;\n\
         REVOKE CONNECT ON DATABASE closed FROM PUBLIC;\n"
    );
    place.run("postgres", &["--single", "-j", "-D", &data, "postgres"], &setup.replace(";\n", ";\n\n"));
    place.write("data/pg_hba.conf", RULES);
    let port = free_port();
    let (certificate, key) = (place.at("cert.pem"), place.at("key.pem"));
    let settings = [
        format!("port={port}"),
        "listen_addresses=127.0.0.1".into(),
        format!("unix_socket_directories={}", place.at("")),
        "ssl=on".into(),
        format!("ssl_cert_file={certificate}"),
        format!("ssl_key_file={key}"),
        "fsync=off".into(),
    ];
    let mut arguments = vec!["-D", &data];
    settings.iter().for_each(|setting| arguments.extend(["-c", setting]));
    Some((place.start("postgres", &arguments, &[]).when(|| judges(&document(&base(port), json!({})))), port))
}

fn base(port: u16) -> Value {
    json!({"engine": "postgres", "host": "127.0.0.1", "port": port, "username": "app", "password": PASSWORD,
           "database": "app"})
}

#[tokio::test]
async fn every_way_a_login_ends_has_its_name() {
    let Some(port) = server() else { return };
    table(
        &base(port),
        &[
            (json!({}), Outcome::Ok, " as app, database app"),
            (json!({"database": null}), Outcome::Ok, " as app, database app"),
            (json!({"username": "old", "database": "postgres"}), Outcome::Ok, " as old"),
            (json!({"username": "clear", "database": "postgres"}), Outcome::Ok, " as clear"),
            (
                json!({"username": "Jürgen, =", "password": "pässwörd™", "database": "postgres"}),
                Outcome::Ok,
                " as Jürgen, =",
            ),
            // The same text, composed in another way: both are prepared to the same.
            (
                json!({"username": "Jürgen, =", "password": "pa\u{308}sswo\u{308}rdTM", "database": "postgres"}),
                Outcome::Ok,
                " as Jürgen, =",
            ),
            (json!({"password": "wrong-password"}), Outcome::Rejected, "28P01"),
            (json!({"username": "old", "password": "wrong-password"}), Outcome::Rejected, "28P01"),
            (json!({"username": "clear", "password": "wrong-password"}), Outcome::Rejected, "28P01"),
            (json!({"username": "nobody"}), Outcome::Rejected, "28P01"),
            (json!({"username": "over"}), Outcome::Rejected, "28P01"),
            (json!({"username": "elsewhere"}), Outcome::Rejected, "28000"),
            (json!({"username": "encrypted", "database": "postgres"}), Outcome::Rejected, "28000"),
            (
                json!({"username": "encrypted", "database": "postgres", "tls": "require"}),
                Outcome::Ok,
                " as encrypted",
            ),
            (json!({"username": "group_only", "database": "postgres"}), Outcome::Limited, "not permitted to log in"),
            (json!({"database": "nowhere"}), Outcome::WrongEndpoint, "3D000"),
            (json!({"database": "closed"}), Outcome::Limited, "42501"),
            (json!({"username": "full", "database": "postgres"}), Outcome::Unreachable, "53300"),
            (json!({"username": "trusted", "database": "postgres"}), Outcome::Unexpected, "without checking the password"),
            (
                json!({"username": "trusted", "database": "postgres", "password": null}),
                Outcome::Ok,
                "asked for no password",
            ),
            (json!({"password": null}), Outcome::Incomplete, "wants a password"),
            (json!({"username": null}), Outcome::Incomplete, "User name is missing"),
            (json!({"port": free_port()}), Outcome::Unreachable, "nothing listens"),
            (json!({"host": "nowhere.invalid", "tls": "require"}), Outcome::Unreachable, "name was not found"),
        ],
    )
    .await;
}

#[tokio::test]
async fn tls_is_checked_as_the_credential_says() {
    let Some(port) = server() else { return };
    let mut base = base(port);
    base["host"] = json!("localhost");
    tls_table(&base, " as app, database app").await;
    let report = tested(document(&base, json!({"tls": "require"}))).await;
    assert_eq!(steps(&report), "resolve connect TLS login ask");
    assert!(report.steps[2].detail.contains("not checked"), "{report:?}");
    let report = tested(document(&base, json!({}))).await;
    assert_eq!(steps(&report), "resolve connect login ask", "plain text to this machine");
}

#[tokio::test]
async fn a_stopped_server_says_nothing_about_a_password() {
    let Some((daemon, port)) = start() else { return };
    table(&base(port), &[(json!({}), Outcome::Ok, " as app")]).await;
    daemon.stop(port);
    table(&base(port), &[(json!({}), Outcome::Unreachable, "nothing listens on that port")]).await;
}
