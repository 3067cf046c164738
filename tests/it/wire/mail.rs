//! A real IMAP server: Dovecot.

use super::daemon::{Place, free_port, listens, present};
use super::*;

#[tokio::test]
async fn dovecot() {
    if !present(&["dovecot"]) {
        return;
    }
    let place = Place::of("dovecot").with_certificate();
    let (run, mail) = (place.subfolder("run"), place.subfolder("mail"));
    let users = place.write(
        "users",
        format!("app:{{PLAIN}}{PASSWORD}::::::\njürgen:{{PLAIN}}pässwörd \"\\::::::\nold:{{PLAIN}}{PASSWORD}::::::\n"),
    );
    let (port, tls) = (free_port(), free_port());
    let (certificate, key) = (place.at("cert.pem"), place.at("key.pem"));
    let config = place.write(
        "dovecot.conf",
        format!(
            "base_dir = {run}\nstate_dir = {run}\nlog_path = /dev/stderr\nprotocols = imap\nlisten = 127.0.0.1\n\
             ssl = yes\nssl_cert = <{certificate}\nssl_key = <{key}\n\
             default_internal_user = dovecot\ndefault_internal_group = dovecot\ndefault_login_user = dovecot\n\
             first_valid_uid = 1\nauth_failure_delay = 0\nauth_mechanisms = plain login\nmail_location = maildir:{mail}\n\
             auth_username_chars = \nauth_verbose = yes\n\
             passdb {{\n driver = passwd-file\n args = scheme=PLAIN username_format=%u {users}\n}}\n\
             userdb {{\n driver = static\n args = uid=dovecot gid=dovecot home={mail}\n}}\n\
             service imap-login {{\n chroot =\n inet_listener imap {{\n port = {port}\n }}\n\
             inet_listener imaps {{\n port = {tls}\n ssl = yes\n }}\n}}\n\
             service anvil {{\n chroot =\n}}\nservice stats {{\n chroot =\n}}\n"
        ),
    );
    let daemon = place.start("dovecot", &["-F", "-c", &config], &[]);
    let _daemon = daemon.when(|| listens(port) && listens(tls));
    let base =
        json!({"engine": "imap", "host": "127.0.0.1", "port": port, "username": "app", "password": PASSWORD});
    table(
        &base,
        &[
            (json!({}), Outcome::Ok, "logged in as app"),
            (json!({"username": "jürgen", "password": "pässwörd \"\\"}), Outcome::Ok, "logged in as jürgen"),
            (json!({"password": "wrong-password"}), Outcome::Rejected, "AUTHENTICATIONFAILED"),
            (json!({"username": "nobody"}), Outcome::Rejected, "AUTHENTICATIONFAILED"),
            (json!({"password": "a\r\nb"}), Outcome::Unexpected, "cannot be sent in a login"),
            (json!({"port": free_port()}), Outcome::Unreachable, "nothing listens"),
        ],
    )
    .await;
    let mut base = base;
    base["host"] = json!("localhost");
    tls_table(&base, "logged in as app").await;
}
