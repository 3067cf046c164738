//! Real brokers: RabbitMQ, Mosquitto, NATS.

use base64::Engine as _;
use credbench::secret::Secret;

use super::daemon::{Daemon, Place, free_port, listens, present};
use super::*;

fn rabbit() -> Option<(Daemon, u16, u16)> {
    if !present(&["rabbitmq-server", "epmd"]) {
        return None;
    }
    let place = Place::of("rabbitmq").with_certificate();
    let (port, tls, node, epmd) = (free_port(), free_port(), free_port(), free_port());
    let salt = [1, 2, 3, 4];
    let salted = [&salt[..], PASSWORD.as_bytes()].concat();
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &salted);
    let hash = base64::engine::general_purpose::STANDARD.encode([&salt[..], hash.as_ref()].concat());
    let user = |name: &str| json!({"name": name, "password_hash": hash, "hashing_algorithm": "rabbit_password_hashing_sha256", "tags": ""});
    let may = |user: &str, host: &str| json!({"user": user, "vhost": host, "configure": "", "write": "", "read": ""});
    let definitions = json!({
        "users": [user("app"), user("nowhere")],
        "vhosts": [{"name": "/"}, {"name": "shop"}, {"name": "closed"}],
        "permissions": [may("app", "/"), may("app", "shop")],
    });
    let definitions = place.write("definitions.json", definitions.to_string());
    let config = place.write(
        "rabbitmq.conf",
        format!(
            "listeners.tcp.1 = 127.0.0.1:{port}\nlisteners.ssl.1 = 127.0.0.1:{tls}\n\
             ssl_options.cacertfile = {}\nssl_options.certfile = {}\nssl_options.keyfile = {}\n\
             ssl_options.verify = verify_none\nload_definitions = {definitions}\nlog.file = false\nlog.console = true\n",
            place.at("ca.pem"),
            place.at("cert.pem"),
            place.at("key.pem"),
        ),
    );
    let plugins = place.write("plugins", "[].");
    let (name, node, epmd) = (format!("credbench{port}@localhost"), node.to_string(), epmd.to_string());
    let (data, logs) = (place.at("mnesia"), place.at("logs"));
    let variables = [
        ("ERL_EPMD_PORT", epmd.as_str()),
        ("ERL_EPMD_ADDRESS", "127.0.0.1"),
        ("RABBITMQ_NODENAME", &name),
        ("RABBITMQ_DIST_PORT", &node),
        ("RABBITMQ_MNESIA_BASE", &data),
        ("RABBITMQ_LOG_BASE", &logs),
        ("RABBITMQ_CONFIG_FILE", &config),
        ("RABBITMQ_ENABLED_PLUGINS_FILE", &plugins),
        ("RABBITMQ_CONF_ENV_FILE", "/dev/null"),
        // Shells between, which pass no other signal on; and there is nothing to be saved.
        ("SIGNAL", "KILL"),
    ];
    // Erlang's port mapper would stay behind, if it were not one of ours.
    let both = "epmd & exec /usr/lib/rabbitmq/bin/rabbitmq-server";
    let daemon = place.start("sh", &["-c", both], &variables);
    Some((daemon.when(|| listens(port) && listens(tls)), port, tls))
}

#[tokio::test]
async fn rabbitmq() {
    let Some((daemon, port, tls)) = rabbit() else { return };
    let base = json!({"engine": "rabbitmq", "host": "127.0.0.1", "port": port, "username": "app", "password": PASSWORD});
    table(
        &base,
        &[
            (json!({}), Outcome::Ok, "logged in as app, virtual host /"),
            (json!({"database": "shop"}), Outcome::Ok, "virtual host shop"),
            (json!({"password": "wrong-password"}), Outcome::Rejected, "code 403"),
            (json!({"username": "nobody"}), Outcome::Rejected, "code 403"),
            (json!({"username": "nowhere"}), Outcome::Limited, "code 530"),
            (json!({"database": "closed"}), Outcome::Limited, "code 530"),
            (json!({"database": "missing"}), Outcome::WrongEndpoint, "not found"),
            (json!({"password": null}), Outcome::Incomplete, "Password is missing"),
        ],
    )
    .await;
    let mut base = base;
    (base["host"], base["port"]) = (json!("localhost"), json!(tls));
    tls_table(&base, "logged in as app").await;
    daemon.stop(tls);
    table(&base, &[(json!({"tls": "require"}), Outcome::Unreachable, "nothing listens")]).await;
}

#[tokio::test]
async fn mosquitto() {
    if !present(&["mosquitto", "mosquitto_passwd"]) {
        return;
    }
    let place = Place::of("mosquitto").with_certificate();
    let (port, tls, open) = (free_port(), free_port(), free_port());
    let users = place.at("users");
    place.run("mosquitto_passwd", &["-b", "-c", &users, "app", PASSWORD], "");
    let (ca, certificate, key) = (place.at("ca.pem"), place.at("cert.pem"), place.at("key.pem"));
    let config = place.write(
        "mosquitto.conf",
        format!(
            "per_listener_settings true\n\
             listener {port} 127.0.0.1\nallow_anonymous false\npassword_file {users}\n\
             listener {tls} 127.0.0.1\nallow_anonymous false\npassword_file {users}\n\
             cafile {ca}\ncertfile {certificate}\nkeyfile {key}\n\
             listener {open} 127.0.0.1\nallow_anonymous true\n"
        ),
    );
    let daemon = place.start("mosquitto", &["-c", &config], &[]);
    let _daemon = daemon.when(|| [port, tls, open].into_iter().all(listens));
    let base =
        json!({"engine": "mqtt", "host": "127.0.0.1", "port": port, "username": "app", "password": PASSWORD});
    table(
        &base,
        &[
            (json!({}), Outcome::Ok, "logged in to the MQTT broker as app"),
            (json!({"password": "wrong-password"}), Outcome::Rejected, "code 5"),
            (json!({"username": "nobody"}), Outcome::Rejected, "code 5"),
            (json!({"username": null, "password": null}), Outcome::Incomplete, "wants a password"),
            (json!({"username": null}), Outcome::Incomplete, "User name is missing"),
            (json!({"username": null, "password": null, "port": open}), Outcome::Ok, "asked for no password"),
        ],
    )
    .await;
    let mut base = base;
    (base["host"], base["port"]) = (json!("localhost"), json!(tls));
    tls_table(&base, "logged in to the MQTT broker").await;
}

#[tokio::test]
async fn nats() {
    if !present(&["nats-server"]) {
        return;
    }
    let start = |settings: &str| {
        let place = Place::of("nobody").with_certificate();
        let port = free_port();
        let config = place.write("nats.conf", format!("host: 127.0.0.1\nport: {port}\n{settings}"));
        (place.start("nats-server", &["-c", &config], &[]).when(|| listens(port)), port)
    };
    let password = Secret::from(PASSWORD);
    let users = format!("authorization {{ user: app, password: \"{}\" }}\n", password.expose());
    let (_plain, port) = start(&users);
    let base =
        json!({"engine": "nats", "host": "127.0.0.1", "port": port, "username": "app", "password": PASSWORD});
    table(
        &base,
        &[
            (json!({}), Outcome::Ok, " as app"),
            (json!({"password": "wrong-password"}), Outcome::Rejected, "Authorization Violation"),
            (json!({"username": "nobody"}), Outcome::Rejected, "Authorization Violation"),
            (json!({"username": null, "password": null}), Outcome::Incomplete, "wants a password"),
            (json!({"tls": "require"}), Outcome::Unreachable, "offers no TLS"),
        ],
    )
    .await;
    let (_open, port) = start("");
    table(
        &base,
        &[
            (json!({"port": port}), Outcome::Unexpected, "without checking the password"),
            (json!({"port": port, "username": null, "password": null}), Outcome::Ok, "asked for no password"),
        ],
    )
    .await;
    let (_token, port) = start(&format!("authorization {{ token: \"{}\" }}\n", password.expose()));
    table(&base, &[(json!({"port": port, "username": null}), Outcome::Ok, "logged in to NATS")]).await;
    let (_tls, port) = start(&format!("{users}tls {{ cert_file: cert.pem, key_file: key.pem }}\n"));
    let mut base = base;
    (base["host"], base["port"]) = (json!("localhost"), json!(port));
    tls_table(&base, " as app").await;
    table(&base, &[(json!({"tls": "disable"}), Outcome::Unreachable, "wants TLS")]).await;
}
