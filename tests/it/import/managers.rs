//! Password managers: files made by hand in the layouts that they write.

use serde_json::json;

use super::{get, rows};
use crate::support::home::Account;
use crate::support::terminal::OnTerminal;

#[test]
fn bitwarden_brings_logins_notes_cards_and_keys() {
    let account = Account::with_vault();
    let export = json!({
        "encrypted": false,
        "folders": [{"id": "f1", "name": "Work/Net"}],
        "items": [
            {"id": "1", "organizationId": null, "folderId": "f1", "type": 1, "reprompt": 0, "name": "Router", "notes": "cellar",
             "favorite": true, "fields": [{"name": "PIN", "value": "1234", "type": 1, "linkedId": null},
                {"name": "Model", "value": "X", "type": 0}, {"name": "On", "value": "true", "type": 2}],
             "login": {"uris": [{"match": null, "uri": "https://r.example"}, {"uri": "https://r2.example"}], "username": "ann",
                "password": "pw", "totp": "JBSWY3DPEHPK3PXP", "fido2Credentials": [{"credentialId": "c", "keyValue": "k"}]},
             "passwordHistory": [{"lastUsedDate": "2020-01-01T00:00:00.000Z", "password": "before"}], "collectionIds": null,
             "revisionDate": "2024-01-01T00:00:00.000Z", "creationDate": "2023-01-01T00:00:00.000Z", "deletedDate": null},
            {"id": "2", "type": 2, "name": "Recovery", "notes": "1111\n2222", "secureNote": {"type": 0}},
            {"id": "3", "type": 3, "name": "Card", "card": {"cardholderName": "Ann", "brand": "Visa", "number": "4111", "expMonth": "1", "code": "123"}},
            {"id": "4", "type": 5, "name": "Deploy key", "sshKey": {"privateKey": "-----BEGIN X-----\nabc\n-----END X-----\n", "publicKey": "ssh-ed25519 A", "keyFingerprint": "SHA256:x"}},
            {"id": "5", "type": 1, "name": "Gone", "login": {"password": "x"}, "deletedDate": "2024-01-01T00:00:00.000Z"},
        ],
    });
    let file = account.write("bw.json", &export.to_string());
    let done = account.run(&["import", "bitwarden", &file, "--json"]).succeeds();
    let expected = [
        "router basic_auth new",
        "recovery secret new",
        "card secret new",
        "deploy-key secret new",
        "  skipped",
    ];
    assert_eq!(rows(&done), expected);
    for (field, value) in [
        ("password", "pw"),
        ("username", "ann"),
        ("totp", "JBSWY3DPEHPK3PXP"),
        ("PIN", "1234"),
        ("Model", "X"),
    ] {
        assert_eq!(get(&account, "router", field), value);
    }
    assert!(get(&account, "router", "passkey").contains("keyValue"));
    let document = account.run(&["show", "router", "--json"]).succeeds().json();
    assert_eq!(document["tags"], json!(["Work/Net"]));
    assert_eq!(document["notes"], "cellar");
    assert_eq!(document["config"]["PIN"], json!({"$secret": "stored"}));
    assert_eq!(document["imported"]["addresses"], json!(["https://r2.example"]));
    assert_eq!(document["imported"]["earlier"]["1"], json!({"$secret": "stored"}));
    assert_eq!(account.run(&["get", "recovery"]).out, "1111\n2222");
    assert_eq!(
        (get(&account, "card", "number"), get(&account, "card", "code")),
        ("4111".into(), "123".into())
    );
    assert_eq!(get(&account, "deploy-key", "privateKey"), "-----BEGIN X-----\nabc\n-----END X-----\n");
    // What is imported is a credential like any other: it survives being shown, put back and copied.
    let shown = account.run(&["show", "router", "--json"]).succeeds().out;
    let put = account.command().args(["put", "--no-test", "--json"]).input(shown).run().succeeds();
    assert_eq!(put.json()["done"], "unchanged");
    account.run(&["solution", "copy", "default", "copy"]).succeeds();
    let copy = account.run(&["show", "router", "--json", "--solution", "copy"]).succeeds().json();
    assert_eq!(copy["config"]["totp"], json!({"$secret": "missing"}));
}

#[test]
fn bitwarden_asks_for_the_password_of_a_protected_file() {
    let account = Account::with_vault();
    let file = account.write(
        "bw.json",
        r#"{"encrypted":true,"passwordProtected":true,"salt":"c2FsdA==","kdfType":0,"kdfIterations":1000,"encKeyValidation_DO_NOT_EDIT":"2.AAAAAAAAAAAAAAAAAAAAAA==|AAAAAAAAAAAAAAAAAAAAAA==|AAAA","data":"2.AA==|AA==|AA=="}"#,
    );
    let error = account.run(&["import", "bitwarden", &file, "--json"]).exits(3).error();
    assert_eq!(error["code"], "no_password");
    let password = account.write("password", "guess\n");
    let error =
        account.run(&["import", "bitwarden", &file, "--password-file", &password, "--json"]).exits(7).error();
    assert_eq!(error["message"], "the password does not open it");
    let account_bound = account.write("bw.json", r#"{"encrypted":true,"items":[]}"#);
    let error = account.run(&["import", "bitwarden", &account_bound, "--json"]).exits(7).error();
    assert!(error["message"].as_str().unwrap().contains("one Bitwarden account"));
}

/// An archive whose files are not packed.
fn archive(files: &[(&str, &str)]) -> Vec<u8> {
    fn crc32(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(u32::MAX, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
                if crc & 1 == 1 { 0xedb8_8320 ^ (crc >> 1) } else { crc >> 1 }
            })
        })
    }
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for (name, text) in files {
        let at = (bytes.len() as u32).to_le_bytes();
        let size = (text.len() as u32).to_le_bytes();
        let mut common = vec![10, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        common.extend(crc32(text.as_bytes()).to_le_bytes());
        common.extend([size, size].concat());
        common.extend((name.len() as u16).to_le_bytes());
        common.extend([0, 0]);
        bytes.extend([b"PK\x03\x04", &common[..], name.as_bytes(), text.as_bytes()].concat());
        directory.extend([b"PK\x01\x02\x0a\x00", &common[..], &[0; 10], &at, name.as_bytes()].concat());
    }
    let (at, size, count) = (bytes.len() as u32, directory.len() as u32, files.len() as u16);
    bytes.extend(directory);
    bytes.extend(b"PK\x05\x06\0\0\0\0");
    bytes.extend([count.to_le_bytes(), count.to_le_bytes()].concat());
    bytes.extend([size.to_le_bytes(), at.to_le_bytes()].concat());
    bytes.extend([0, 0]);
    bytes
}

#[test]
fn onepassword_brings_its_vaults() {
    let account = Account::with_vault();
    let data = json!({"accounts": [{"attrs": {"name": "Team"}, "vaults": [
    {"attrs": {"name": "Servers", "type": "U"}, "items": [
        {"uuid": "a", "favIndex": 0, "createdAt": 1_600_000_000, "updatedAt": 1_600_000_000, "state": "active", "categoryUuid": "001",
         "details": {"loginFields": [{"value": "ann", "name": "u", "fieldType": "T", "designation": "username"},
            {"value": "pw", "name": "p", "fieldType": "P", "designation": "password"}], "notesPlain": "cellar",
            "sections": [{"title": "Security", "name": "s", "fields": [{"title": "one-time password", "id": "TOTP_1", "value": {"totp": "otpauth://totp/x?secret=JBSWY3DPEHPK3PXP"}},
                {"title": "PIN", "id": "p", "value": {"concealed": "1234"}}]}], "passwordHistory": []},
         "overview": {"title": "Router", "url": "https://r.example", "urls": [{"label": "website", "url": "https://r.example"}], "tags": ["net"]}},
        {"uuid": "b", "state": "archived", "categoryUuid": "112", "details": {"loginFields": [], "sections": [{"title": "", "fields": [
            {"title": "username", "id": "username", "value": {"string": "bot"}}, {"title": "credential", "id": "credential", "value": {"concealed": "c-1"}}]}]},
         "overview": {"title": "API"}},
    ]}]}]});
    std::fs::write(
        account.home.join("x.1pux"),
        archive(&[
            (
                "export.attributes",
                r#"{"version":3,"description":"1Password Unencrypted Export","createdAt":1}"#,
            ),
            ("export.data", &data.to_string()),
            ("files/abc___a.pdf", "%PDF"),
        ]),
    )
    .unwrap();
    let done = account.run(&["import", "1pux", "x.1pux", "--folders-as-solutions"]).succeeds();
    assert!(done.err.contains("one attached file is not taken over"), "{}", done.err);
    let at =
        |key: &str, field: &str| account.run(&["get", key, field, "--solution", "Servers"]).succeeds().out;
    assert_eq!((at("router", "password"), at("router", "PIN")), ("pw".into(), "1234".into()));
    assert!(at("router", "one-time-password").contains("JBSWY3DPEHPK3PXP"));
    assert_eq!((at("api", "credential"), at("api", "username")), ("c-1".into(), "bot".into()));
}

#[test]
fn postman_n8n_and_aws() {
    let account = Account::with_vault();
    let file = account.write("env.json", r#"{"name":"Staging","values":[{"key":"token","value":"t-1","type":"secret","enabled":true}],"_postman_variable_scope":"environment"}"#);
    assert_eq!(rows(&account.run(&["import", "postman", &file, "--json"]).succeeds()), ["token secret new"]);
    let file = account.write("n8n.json", r#"[{"id":"1","name":"Main DB","type":"postgres","data":{"host":"db.example","database":"app","user":"u","password":"pw","port":5433}},
        {"id":"2","name":"Mailer","type":"sendGridApi","data":{"apiKey":"SG.marker"}},
        {"id":"3","name":"Sealed","type":"slackApi","data":"U2FsdGVkX1+abc"}]"#);
    let done = account.run(&["import", "n8n", &file, "--json"]).succeeds();
    assert_eq!(rows(&done), ["main-db database new", "mailer bearer_token new", "  skipped"]);
    assert_eq!(done.lines()[1]["service"], "sendgrid");
    assert_eq!(account.run(&["get", "main-db", "port"]).out, "5433");
    account.write(
        "aws/credentials",
        "[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = wJalrXUtnFEMI\n",
    );
    account.write("aws/config", "[default]\nregion = eu-central-1\n[profile prod]\nrole_arn = arn:aws:iam::123456789012:role/deploy\nsource_profile = default\n[profile sso]\nsso_session = corp\n");
    let folder = account.home.join("aws");
    let done = account.run(&["import", "aws", folder.to_str().unwrap(), "--json"]).succeeds();
    assert_eq!(rows(&done), ["default aws new", "prod aws new", "  skipped"]);
    assert_eq!(account.run(&["get", "default", "region"]).out, "eu-central-1");
    assert_eq!(account.run(&["get", "prod", "role_arn"]).out, "arn:aws:iam::123456789012:role/deploy");
    assert_eq!(account.run(&["get", "prod"]).out, "wJalrXUtnFEMI");
}

#[test]
fn the_password_of_a_file_is_asked_for_without_showing_it() {
    let account = Account::with_vault();
    std::fs::write(account.home.join("db.kdbx"), [3, 0xd9, 0xa2, 0x9a, 0x67, 0xfb, 0x4b, 0xb5, 1, 0, 9, 0])
        .unwrap();
    let mut import = OnTerminal::start(&account, &["import", "kdbx", "db.kdbx"]);
    import.sees("Password of db.kdbx: ");
    import.types("marker-password\r");
    let (code, rest) = import.ends();
    assert!(code == 7 && rest.contains("version") && !rest.contains("marker"), "{rest}");
}
