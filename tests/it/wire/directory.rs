//! A real OpenLDAP server.

use super::daemon::{Place, free_port, listens, present};
use super::*;

#[tokio::test]
async fn openldap() {
    if !present(&["slapd", "slapadd"]) {
        return;
    }
    let place = Place::of("openldap").with_certificate();
    let data = place.subfolder("data");
    let (ca, certificate, key) = (place.at("ca.pem"), place.at("cert.pem"), place.at("key.pem"));
    let config = place.write(
        "slapd.conf",
        format!(
            "include /etc/ldap/schema/core.schema\nmodulepath /usr/lib/ldap\nmoduleload back_mdb\n\
             TLSCACertificateFile {ca}\nTLSCertificateFile {certificate}\nTLSCertificateKeyFile {key}\n\
             database mdb\nsuffix \"dc=example,dc=com\"\nrootdn \"cn=admin,dc=example,dc=com\"\nrootpw {PASSWORD}\n\
             directory {data}\n\
             access to attrs=userPassword by anonymous auth by * none\n\
             access to dn.base=\"cn=hidden,dc=example,dc=com\" by * search\n\
             access to * by users read by * none\n"
        ),
    );
    let person = |name: &str, password: &str| {
        let dn = format!("dn: cn={name},dc=example,dc=com");
        format!("{dn}\nobjectClass: person\ncn: {name}\nsn: {name}\n{password}\n")
    };
    let entries = format!(
        "dn: dc=example,dc=com\nobjectClass: dcObject\nobjectClass: organization\no: x\ndc: example\n\n{}{}{}",
        person("app", &format!("userPassword: {PASSWORD}\n")),
        person("bare", ""),
        person("hidden", ""),
    );
    let entries = place.write("entries.ldif", entries);
    place.run("slapadd", &["-f", &config, "-l", &entries], "");
    let (port, tls) = (free_port(), free_port());
    let urls = format!("ldap://127.0.0.1:{port}/ ldaps://127.0.0.1:{tls}/");
    let daemon = place.start("slapd", &["-h", &urls, "-f", &config, "-d", "0"], &[]);
    let daemon = daemon.when(|| listens(port) && listens(tls));
    let base = json!({"engine": "ldap", "host": "127.0.0.1", "port": port, "password": PASSWORD,
                      "username": "cn=app,dc=example,dc=com", "database": "dc=example,dc=com"});
    table(
        &base,
        &[
            (json!({}), Outcome::Ok, "logged in as cn=app,dc=example,dc=com"),
            (json!({"database": null}), Outcome::Ok, "logged in as cn=app"),
            (json!({"username": "cn=admin,dc=example,dc=com"}), Outcome::Ok, "logged in as cn=admin"),
            (json!({"password": "wrong-password"}), Outcome::Rejected, "invalidCredentials"),
            (json!({"username": "cn=nobody,dc=example,dc=com"}), Outcome::Rejected, "invalidCredentials"),
            (json!({"username": "cn=bare,dc=example,dc=com"}), Outcome::Rejected, "result 4"),
            (json!({"username": "app"}), Outcome::Rejected, "invalidDNSyntax"),
            (json!({"database": "dc=nowhere"}), Outcome::WrongEndpoint, "LDAP result"),
            (json!({"database": "not a dn"}), Outcome::WrongEndpoint, "invalidDNSyntax"),
            (json!({"database": "cn=hidden,dc=example,dc=com"}), Outcome::Limited, "may not be read"),
            // A bind without a password is a good one, of nobody.
            (json!({"password": null}), Outcome::Incomplete, "Password is missing"),
            (json!({"username": null}), Outcome::Incomplete, "is missing"),
        ],
    )
    .await;
    let mut base = base;
    base["host"] = json!("localhost");
    tls_table(&base, "logged in as cn=app").await;
    daemon.stop(port);
    table(&base, &[(json!({}), Outcome::Unreachable, "nothing listens")]).await;
}
