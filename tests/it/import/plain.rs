//! Formats of plain text: dotenv, JSON, tables.

use super::{get, rows};
use crate::support::home::Account;

#[test]
fn dotenv_gives_one_secret_for_each_variable() {
    let account = Account::with_vault();
    let file = account.write(".env", "# the live one\nSTRIPE_KEY=sk_1\nexport DB_PASSWORD='p w'\nEMPTY=\n");
    let dry = account.run(&["import", "dotenv", &file, "--dry-run", "--json"]).succeeds();
    let expected = ["STRIPE_KEY secret new", "DB_PASSWORD secret new", "  skipped"];
    assert_eq!(rows(&dry), expected);
    assert_eq!(
        account.run(&["list", "--json"]).succeeds().json(),
        serde_json::json!([]),
        "nothing was saved"
    );
    let done = account.run(&["import", "dotenv", &file, "--json"]).succeeds();
    assert_eq!(rows(&done), expected);
    assert_eq!(account.run(&["get", "DB_PASSWORD"]).succeeds().out, "p w");
    assert_eq!(account.run(&["show", "STRIPE_KEY", "--json"]).succeeds().json()["notes"], "the live one");
    // Another value is another version; the same one is none.
    account.write(".env", "STRIPE_KEY=sk_2\nDB_PASSWORD='p w'\n");
    let again = account.run(&["import", "dotenv", &file, "--json"]).succeeds();
    assert_eq!(rows(&again), ["STRIPE_KEY secret changed", "DB_PASSWORD secret duplicate"]);
    assert_eq!(
        account.run(&["history", "STRIPE_KEY", "--json"]).succeeds().json().as_array().unwrap().len(),
        2
    );
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "STRIPE_KEY=sk_2\nDB_PASSWORD='p w'\n");
}

#[test]
fn json_is_documents_or_variables() {
    let account = Account::with_vault();
    let file = account.write("vars.json", r#"{"API_TOKEN":"t","db":{"port":5432}}"#);
    let done = account.run(&["import", "json", &file, "--json"]).succeeds();
    assert_eq!(rows(&done), ["API_TOKEN secret new", "db.port secret new"]);
    assert_eq!(account.run(&["get", "db.port"]).succeeds().out, "5432");
    let documents = r#"[{"solution":"prod","key":"a","kind":"basic_auth",
        "config":{"base_url":"https://a.example","username":"u","password":"pw"}}]"#;
    let file = account.write("docs.json", documents);
    let done = account.run(&["import", "json", &file, "--json"]).succeeds();
    assert_eq!(rows(&done), ["a basic_auth new"]);
    assert_eq!(account.run(&["get", "a", "--solution", "prod"]).succeeds().out, "pw");
    let broken = account.write("docs.json", &documents.replace("\"config\"", "\"konfig\""));
    let error = account.run(&["import", "json", &broken, "--json"]).exits(7).error();
    assert_eq!(error["code"], "invalid_document");
}

/// The tables of each program, with the titles that it writes.
#[test]
fn tables_of_each_program() {
    let tables = [
        (
            "Bitwarden",
            "folder,favorite,type,name,notes,fields,reprompt,login_uri,login_username,login_password,login_totp\n\
          Work,1,login,Router,cellar,\"PIN: 1234\nAPN: x\",0,https://r.example,ann,pw,JBSWY3DPEHPK3PXP\n",
        ),
        (
            "KeePassXC",
            "\"Group\",\"Title\",\"Username\",\"Password\",\"URL\",\"Notes\",\"TOTP\",\"Icon\",\"Last Modified\",\"Created\"\n\
          \"Root/Work\",\"Router\",\"ann\",\"pw\",\"https://r.example\",\"cellar\",\"JBSWY3DPEHPK3PXP\",\"0\",\"2024-01-01T00:00:00Z\",\"2024-01-01T00:00:00Z\"\n",
        ),
        (
            "KeePass",
            "\"Account\",\"Login Name\",\"Password\",\"Web Site\",\"Comments\"\n\"Router\",\"ann\",\"pw\",\"https://r.example\",\"cellar\"\n",
        ),
        (
            "1Password",
            "Title,Url,Username,Password,OTPAuth,Favorite,Archived,Tags,Notes\n\
          Router,https://r.example,ann,pw,otpauth://totp/x?secret=JBSWY3DPEHPK3PXP,false,true,\"Work\",cellar\n",
        ),
        (
            "LastPass",
            "url,username,password,totp,extra,name,grouping,fav\nhttps://r.example,ann,pw,,cellar,Router,Work,0\n",
        ),
        (
            "Firefox",
            "\"url\",\"username\",\"password\",\"httpRealm\",\"formActionOrigin\",\"guid\",\"timeCreated\",\"timeLastUsed\",\"timePasswordChanged\"\n\
          \"https://r.example\",\"ann\",\"pw\",,\"https://r.example\",\"{1}\",\"1\",\"2\",\"3\"\n",
        ),
        ("Chrome", "name,url,username,password,note\nRouter,https://r.example,ann,pw,cellar\n"),
    ];
    for (program, table) in tables {
        let account = Account::with_vault();
        let file = account.write("table.csv", table);
        let done = account.run(&["import", "csv", &file]).succeeds();
        assert!(done.err.contains(&format!("read as a table of {program}")), "{program}: {}", done.err);
        let key = if program == "Firefox" { "r.example" } else { "router" };
        assert_eq!(account.run(&["get", key]).succeeds().out, "pw", "{program}");
        assert_eq!(get(&account, key, "username"), "ann", "{program}");
        let document = account.run(&["show", key, "--json"]).succeeds().json();
        assert_eq!(document["kind"], "basic_auth", "{program}");
        if program != "Firefox" {
            assert_eq!(document["notes"], "cellar", "{program}");
        }
        if table.contains("Work") {
            assert!(document["tags"].as_array().unwrap().iter().any(|tag| tag == "Work"), "{document}");
        }
        if table.contains("JBSWY3DP") {
            assert!(get(&account, key, "totp").contains("JBSWY3DPEHPK3PXP"), "{program}");
        }
        if program == "Bitwarden" {
            assert_eq!(get(&account, key, "PIN"), "1234");
        }
    }
}

#[test]
fn the_table_of_a_dry_run_reads_well() {
    let account = Account::with_vault();
    account.put(r#"{"key":"wifi","kind":"secret","config":{"values":{"password":"old"}}}"#);
    let token = format!("ghp_{}", "a".repeat(36));
    let file = account.write(
        "table.csv",
        &format!(
            "name,url,username,password,folder\nGitHub,https://github.com,ann,{token},Work\nWifi,,,new,\n\
             Büro Router,https://r.example,admin,pw,Home\nBüro Router,https://r.example,admin,pw,Home\nNothing,,,,\n"
        ),
    );
    insta::assert_snapshot!(account.run(&["import", "csv", &file, "--dry-run"]).page());
}
