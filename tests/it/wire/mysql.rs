//! A real MariaDB server.

use std::sync::OnceLock;

use super::daemon::{Daemon, Place, free_port, judges, present};
use super::*;

/// A server with TLS, shared by the tests of this file; its port.
fn server() -> Option<u16> {
    static SERVER: OnceLock<Option<(Daemon, u16)>> = OnceLock::new();
    SERVER.get_or_init(start).as_ref().map(|(_, port)| *port)
}

fn start() -> Option<(Daemon, u16)> {
    if !present(&["mariadbd", "mariadb-install-db"]) {
        return None;
    }
    let place = Place::of("mysql").with_certificate();
    let data = place.at("data");
    place.run(
        "mariadb-install-db",
        &[
            "--no-defaults",
            "--skip-test-db",
            "--auth-root-authentication-method=normal",
            &format!("--datadir={data}"),
        ],
        "",
    );
    let password = PASSWORD;
    let setup = format!(
        "CREATE DATABASE app;\nCREATE DATABASE closed;\n\
         CREATE USER app@'127.0.0.1' IDENTIFIED BY '{password}';\n\
         GRANT SELECT ON app.* TO app@'127.0.0.1';\n\
         CREATE USER locked@'127.0.0.1' IDENTIFIED BY '{password}' ACCOUNT LOCK;\n\
         CREATE USER stale@'127.0.0.1' IDENTIFIED BY '{password}' PASSWORD EXPIRE;\n\
         CREATE USER encrypted@'127.0.0.1' IDENTIFIED BY '{password}' REQUIRE SSL;\n\
         CREATE USER odd@'127.0.0.1' IDENTIFIED VIA ed25519 USING PASSWORD('{password}');\n\
         CREATE USER plain@'127.0.0.1';\n\
         CREATE USER once@'127.0.0.1' IDENTIFIED BY '{password}' WITH MAX_QUERIES_PER_HOUR 1 MAX_CONNECTIONS_PER_HOUR 1;\n"
    );
    let setup = place.write("setup.sql", format!("INSTALL SONAME 'auth_ed25519';\n{setup}"));
    let port = free_port();
    let settings = [
        "--no-defaults".to_owned(),
        format!("--datadir={data}"),
        format!("--port={port}"),
        "--bind-address=127.0.0.1".into(),
        format!("--socket={}", place.at("socket")),
        format!("--pid-file={}", place.at("pid")),
        format!("--init-file={setup}"),
        format!("--ssl-cert={}", place.at("cert.pem")),
        format!("--ssl-key={}", place.at("key.pem")),
        "--skip-name-resolve".into(),
        "--innodb-flush-log-at-trx-commit=0".into(),
        "--innodb-buffer-pool-size=8M".into(),
    ];
    let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
    Some((place.start("mariadbd", &settings, &[]).when(|| judges(&document(&base(port), json!({})))), port))
}

fn base(port: u16) -> Value {
    json!({"engine": "mariadb", "host": "127.0.0.1", "port": port, "username": "app", "password": PASSWORD,
           "database": "app"})
}

#[tokio::test]
async fn every_way_a_login_ends_has_its_name() {
    let Some(port) = server() else { return };
    table(
        &base(port),
        &[
            (json!({}), Outcome::Ok, " as app@127.0.0.1"),
            (json!({"engine": "mysql", "database": null}), Outcome::Ok, "logged in to MariaDB "),
            (json!({"password": "wrong-password"}), Outcome::Rejected, "error 1045"),
            (json!({"password": null}), Outcome::Rejected, "error 1045"),
            (json!({"username": "nobody"}), Outcome::Rejected, "error 1045"),
            (json!({"username": "locked"}), Outcome::Rejected, "locked"),
            (json!({"username": "stale", "database": null}), Outcome::Expired, "error 18"),
            (json!({"username": "encrypted", "database": null}), Outcome::Rejected, "error 1045"),
            (
                json!({"username": "encrypted", "database": null, "tls": "require"}),
                Outcome::Ok,
                " as encrypted@",
            ),
            (json!({"username": "odd", "database": null}), Outcome::NotTestable, "client_ed25519"),
            (
                json!({"username": "plain", "database": null, "password": null}),
                Outcome::Ok,
                "without a password",
            ),
            (json!({"username": "plain", "database": null}), Outcome::Rejected, "error 1045"),
            (json!({"database": "nowhere"}), Outcome::Limited, "error 1044"),
            (json!({"database": "closed"}), Outcome::Limited, "error 1044"),
            (json!({"username": "once", "database": null}), Outcome::Ok, " as once@"),
            (json!({"username": "once", "database": null}), Outcome::RateLimited, "error 1226"),
            (
                json!({"username": "root", "password": null, "database": "nowhere"}),
                Outcome::WrongEndpoint,
                "error 1049",
            ),
            (json!({"username": null}), Outcome::Incomplete, "User name is missing"),
            (json!({"port": free_port()}), Outcome::Unreachable, "nothing listens"),
        ],
    )
    .await;
}

#[tokio::test]
async fn tls_is_checked_as_the_credential_says() {
    let Some(port) = server() else { return };
    let mut base = base(port);
    base["host"] = json!("localhost");
    tls_table(&base, " as app@127.0.0.1").await;
}

#[tokio::test]
async fn a_stopped_server_says_nothing_about_a_password() {
    let Some((daemon, port)) = start() else { return };
    table(&base(port), &[(json!({}), Outcome::Ok, " as app@")]).await;
    daemon.stop(port);
    table(&base(port), &[(json!({}), Outcome::Unreachable, "nothing listens on that port")]).await;
}
