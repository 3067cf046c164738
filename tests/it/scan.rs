//! `scan`, `workflows`, `rename`: which files name which credentials.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Instant;

use serde_json::{Value, json};

use crate::support::home::Account;
use crate::support::user::{as_user, hand_over};

fn account() -> Account {
    let account = Account::with_vault();
    account.run(&["solution", "add", "prod"]).succeeds();
    account.put(
        r#"[
        {"key": "pay.api", "kind": "bearer_token", "config": {"base_url": "https://a.example", "token": "marker-1"}},
        {"key": "db.main", "kind": "basic_auth", "config": {"base_url": "https://b.example", "username": "u", "password": "marker-2"}},
        {"key": "pay.api", "solution": "prod", "kind": "bearer_token", "config": {"base_url": "https://a.example", "token": "marker-3"}}
    ]"#,
    );
    account.write("app/functions/pay.json", "{\n  \"credential\": \"pay.api\",\n  \"url\": \"x\"\n}\n");
    account.write(
        "app/compose.yaml",
        "env:\n  A: cred://pay.api\n  B: cred://prod/pay.api#token\n  C: cred://db.mian\n",
    );
    account.write("app/.github/workflows/ci.yml", "run: credbench get cred://db.main#username\n");
    account.write("app/units/x.service", "ExecStart=credbench run --env A=cred://db.main -- /x\n");
    account.write("app/notes.md", "pay.api stands here as a word; cred://db.main does not.\n");
    account.write("app/.gitignore", "ignored/\n");
    account.write("app/ignored/a.env", "A=cred://ignored.key\n");
    account.write("app/binary", "\0cred://binary.key\n");
    account
}

fn workflows(account: &Account) -> Value {
    without_times(account.run(&["--json", "workflows"]).succeeds().json())
}

fn without_times(mut rows: Value) -> Value {
    for row in rows.as_array_mut().unwrap() {
        row.as_object_mut().unwrap().remove("scanned_at");
        assert_eq!(row.as_object_mut().unwrap().remove("uses"), Some(json!(0)));
    }
    rows
}

#[test]
fn every_sort_of_file_is_found_and_kept() {
    let account = account();
    let scan = account.run(&["--json", "scan", "app"]).succeeds().json();
    let path = |name: &str| account.home.join(name).to_str().unwrap().to_owned();
    let row = |name: &str, references: Value| json!({"workflow": name, "path": path(name), "references": references});
    let expected = json!([
        row("app/.github/workflows/ci.yml", json!([{"reference": "cred://db.main#username", "line": 1}])),
        row(
            "app/compose.yaml",
            json!([
                {"reference": "cred://pay.api", "line": 2},
                {"reference": "cred://prod/pay.api#token", "line": 3},
                {"reference": "cred://db.mian", "line": 4},
            ])
        ),
        row("app/functions/pay.json", json!([{"reference": "pay.api", "line": 2}])),
        row("app/notes.md", json!([{"reference": "cred://db.main", "line": 1}])),
        row("app/units/x.service", json!([{"reference": "cred://db.main", "line": 1}])),
    ]);
    assert_eq!(scan["workflows"], expected);
    let missing = &scan["unresolved"][0];
    assert_eq!((missing["line"].as_u64(), missing["reference"].as_str()), (Some(4), Some("cred://db.mian")));
    assert!(missing["hint"].as_str().unwrap().contains("did you mean db.main?"), "{missing}");
    assert_eq!(scan["unresolved"].as_array().unwrap().len(), 1);
    let mut kept = workflows(&account);
    for row in kept.as_array_mut().unwrap() {
        assert_eq!(row.as_object_mut().unwrap().remove("last_used_at"), Some(Value::Null));
    }
    assert_eq!(kept, expected);
    // What is named is read, whatever ignore files say.
    let named = account.run(&["--json", "scan", "app/ignored/a.env"]).succeeds().json();
    assert_eq!(named["workflows"][0]["references"][0]["reference"], "cred://ignored.key");
}

/// No save goes by without a record: none of a scan either.
#[test]
fn a_scan_stands_in_the_audit_log() {
    let account = account();
    account.run(&["scan", account.home.join("app").to_str().unwrap()]).succeeds();
    let verified = account.run(&["audit", "verify", "--json"]).succeeds().json();
    assert_eq!(verified["gaps"], 0, "{verified}");
    let records = account.run(&["audit", "--what", "scanned", "--json"]).succeeds().json();
    let note = records[0]["note"].as_str().unwrap();
    assert!(note.ends_with("/app") && records[0]["facts"]["workflows"].as_u64().unwrap() > 0, "{records}");
}

#[test]
fn a_second_scan_tells_what_vanished_and_leaves_other_folders_alone() {
    let account = account();
    account.write("other/run.sh", "credbench get cred://pay.api\n");
    account.run(&["scan", "app", "other"]).succeeds();
    account.write("app/compose.yaml", "env:\n  A: cred://pay.api\n");
    std::fs::remove_file(account.home.join("app/notes.md")).unwrap();
    let again = account.run(&["--json", "scan", "app"]).succeeds().json();
    let vanished = json!([
        {"workflow": "app/compose.yaml", "reference": "cred://db.mian"},
        {"workflow": "app/compose.yaml", "reference": "cred://prod/pay.api#token"},
        {"workflow": "app/notes.md", "reference": "cred://db.main"},
    ]);
    assert_eq!(again["vanished"], vanished);
    let names: Vec<Value> =
        workflows(&account).as_array().unwrap().iter().map(|row| row["workflow"].clone()).collect();
    assert!(names.contains(&json!("other/run.sh")) && !names.contains(&json!("app/notes.md")), "{names:?}");
    let check = account.run(&["--json", "scan", "--check", "app"]).succeeds();
    assert_eq!(check.json()["vanished"], json!([]));
}

#[test]
fn what_cannot_be_read_is_told_and_stays_recorded() {
    let account = account();
    account.run(&["scan", "app"]).succeeds();
    hand_over(&account);
    let kept =
        || without_times(serde_json::from_str(&as_user(&account, &["--json", "workflows"]).1).unwrap());
    let before = kept();
    let hidden = [account.home.join("app/units"), account.home.join("app/notes.md")];
    let modes = |mode: u32| {
        for path in &hidden {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        }
    };
    let app = account.home.join("app");
    let app = app.to_str().unwrap();
    modes(0o000);
    for arguments in [&["--json", "scan", app][..], &["--json", "scan", "--check", app]] {
        let (code, out, err) = as_user(&account, arguments);
        assert_eq!(code, 1, "{err}");
        let scan: Value = serde_json::from_str(&out).unwrap();
        let unread: Vec<&str> =
            scan["unread"].as_array().unwrap().iter().map(|why| why.as_str().unwrap()).collect();
        assert!(
            unread.len() == 2 && unread.iter().all(|why| why.contains("Permission denied")),
            "{unread:?}"
        );
        assert_eq!(scan["vanished"], json!([]));
    }
    let (_, _, err) = as_user(&account, &["scan", app]);
    assert!(err.contains("2 places could not be read: what is named there is not known"), "{err}");
    modes(0o700);
    assert_eq!(kept(), before);
    // The control: what is really gone is.
    std::fs::remove_file(&hidden[1]).unwrap();
    let (code, out, err) = as_user(&account, &["--json", "scan", app]);
    assert_eq!(code, 0, "{err}");
    let scan: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(scan["vanished"], json!([{"workflow": "app/notes.md", "reference": "cred://db.main"}]));
}

#[test]
fn a_check_fails_where_something_is_missing_and_records_nothing() {
    let account = account();
    let done = account.run(&["scan", "--check", "app"]).exits(1);
    assert!(done.out.contains("db.mian") && done.err.contains("1 place names what is not there"), "{done:?}");
    assert_eq!(workflows(&account), json!([]));
    account.run(&["scan", "nowhere"]).exits(1);
}

#[test]
fn what_is_in_use_is_neither_removed_nor_renamed() {
    let account = account();
    account.run(&["scan", "app"]).succeeds();
    for command in [&["remove", "pay.api"][..], &["rename", "pay.api", "billing.api"]] {
        let done = account.run(command).exits(5);
        assert!(
            done.err.contains("2 workflows use pay.api: app/compose.yaml, app/functions/pay.json"),
            "{}",
            done.err
        );
    }
    account.run(&["move", "db.main", "prod"]).exits(5);
    account.run(&["get", "pay.api"]).succeeds();
    // Of the other solution, of the same key: one place.
    let done = account.run(&["--solution", "prod", "remove", "pay.api"]).exits(5);
    assert!(done.err.contains("1 workflow uses pay.api: app/compose.yaml"), "{}", done.err);
    account.run(&["remove", "pay.api", "--force"]).succeeds();
    account.run(&["restore", "pay.api"]).succeeds();
    account.run(&["rename", "pay.api", "billing.api", "--force"]).succeeds();
    account.run(&["get", "billing.api"]).succeeds();
    account.run(&["rename", "billing.api", "a b"]).exits(2);
    account.run(&["rename", "billing.api", "db.main"]).exits(5);
}

#[test]
fn a_renaming_rewrites_what_names_the_credential_and_nothing_else() {
    let account = account();
    account.run(&["scan", "app"]).succeeds();
    let compose = account.home.join("app/compose.yaml");
    std::fs::set_permissions(&compose, std::fs::Permissions::from_mode(0o664)).unwrap();
    let before = std::fs::read(&compose).unwrap();
    let preview = account.run(&["rename", "pay.api", "billing.api", "--rewrite", "--dry-run"]).succeeds();
    assert!(
        preview.out.contains("- cred://pay.api") && preview.out.contains("+ cred://billing.api"),
        "{}",
        preview.out
    );
    assert!(!preview.out.contains("prod/"), "{}", preview.out);
    assert_eq!(std::fs::read(&compose).unwrap(), before);
    account.run(&["rename", "pay.api", "billing.api", "--rewrite"]).succeeds();
    let after = std::fs::read_to_string(&compose).unwrap();
    assert_eq!(after, "env:\n  A: cred://billing.api\n  B: cred://prod/pay.api#token\n  C: cred://db.mian\n");
    let function = std::fs::read_to_string(account.home.join("app/functions/pay.json")).unwrap();
    assert_eq!(function, "{\n  \"credential\": \"billing.api\",\n  \"url\": \"x\"\n}\n");
    assert_eq!(compose.metadata().unwrap().permissions().mode() & 0o777, 0o664);
    assert!(
        std::fs::read_to_string(account.home.join("app/notes.md")).unwrap().starts_with("pay.api stands")
    );
    let kept = account.run(&["--json", "workflows", "billing.api"]).succeeds().json();
    assert_eq!(kept.as_array().unwrap().len(), 2);
}

#[test]
fn an_unknown_member_of_a_workflow_survives() {
    use credbench::model::{Edit, Workflow};
    let account = account();
    account.run(&["scan", "app"]).succeeds();
    let mut opened = account.open();
    let mut workflow: Workflow = opened.document.workflows[0].clone();
    workflow.extra.insert("later".to_owned(), json!({"x": 1}));
    let edit = Edit::SetWorkflows { under: vec![workflow.path.clone()], workflows: vec![workflow] };
    opened.store.commit(vec![edit], jiff::Timestamp::now()).unwrap();
    drop(opened);
    account.write("other/run.sh", "credbench get cred://pay.api\n");
    account.run(&["scan", "other"]).succeeds();
    assert_eq!(account.open().document.workflows[0].extra["later"], json!({"x": 1}));
}

/// 100,000 files with 10,000 references, compared with ripgrep where it is installed. Figures: `docs/RUNNING.md`.
#[test]
#[ignore = "takes a minute and half a GiB of disk"]
fn a_large_tree_is_scanned_in_seconds() {
    let account = Account::with_vault();
    let tree = account.home.join("tree");
    for number in 0..100_000 {
        let folder = tree.join(format!("d{}/e{}", number % 100, number / 1000));
        std::fs::create_dir_all(&folder).unwrap();
        let name = ["yaml", "json", "py", "md", "txt"][number % 5];
        let mut text = "some: text of a line that says nothing in particular\n".repeat(20 + number % 60);
        if number % 10 == 3 {
            text.push_str(&format!("token: cred://key.number-{number}\n"));
        }
        std::fs::write(folder.join(format!("f{number}.{name}")), text).unwrap();
    }
    let timed = |command: &mut Command| {
        let best = (0..3).map(|_| {
            let start = Instant::now();
            let done = command.output().unwrap();
            (start.elapsed(), done)
        });
        best.min_by_key(|(time, _)| *time).unwrap()
    };
    let mut scan = Command::new(crate::support::command::PROGRAM);
    scan.env_clear().envs(crate::support::command::environment(&account.home));
    scan.args(["--json", "scan", "--check"]).arg(&tree);
    let (ours, done) = timed(&mut scan);
    let found: Value = serde_json::from_slice(&done.stdout).unwrap();
    let count: usize = found["workflows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["references"].as_array().unwrap().len())
        .sum();
    assert_eq!(count, 10_000);
    let Ok(_) = Command::new("rg").arg("--version").output() else {
        eprintln!("skipped: no rg to compare with; scan took {ours:?}");
        return;
    };
    let (theirs, done) = timed(Command::new("rg").args(["--hidden", "-c", "cred://"]).arg(&tree));
    assert_eq!(String::from_utf8(done.stdout).unwrap().lines().count(), 10_000);
    eprintln!("scan {ours:?}, rg {theirs:?}");
    assert!(ours < theirs * 2, "scan {ours:?}, rg {theirs:?}");
}

#[test]
fn a_solution_is_renamed_in_the_files_that_name_it() {
    let account = account();
    account.run(&["scan", "app"]).succeeds();
    let compose = account.home.join("app/compose.yaml");
    let before = std::fs::read_to_string(&compose).unwrap();
    let rename = ["solution", "rename", "prod", "live", "--rewrite"];
    let preview = account.run(&[&rename[..], &["--dry-run", "--json"]].concat()).succeeds().json();
    assert_eq!(
        preview["rewritten"][0]["changes"],
        json!([{"line": 3, "before": "cred://prod/pay.api#token", "after": "cred://live/pay.api#token"}])
    );
    assert_eq!(
        (&preview["done"], std::fs::read_to_string(&compose).unwrap()),
        (&json!("nothing"), before.clone())
    );
    account.run(&rename).succeeds();
    assert_eq!(std::fs::read_to_string(&compose).unwrap(), before.replace("prod/", "live/"));
    let done = account.run(&["--solution", "live", "remove", "pay.api"]).exits(5);
    assert!(done.err.contains("1 workflow uses pay.api: app/compose.yaml"), "{}", done.err);
}

#[test]
fn uses_are_counted_for_each_workflow() {
    let account = account();
    account.run(&["scan", "app"]).succeeds();
    let run = ["run", "--workflow", "app/compose.yaml", "--env", "A=cred://pay.api", "--", "true"];
    account.run(&run).succeeds();
    account.run(&run).succeeds();
    let rows = account.run(&["--json", "workflows", "pay.api"]).succeeds().json();
    let uses: Vec<_> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["workflow"].as_str().unwrap(), &row["uses"]))
        .collect();
    assert_eq!(uses, [("app/compose.yaml", &json!(2)), ("app/functions/pay.json", &json!(0))]);
    assert!(rows[0]["last_used_at"].is_string() && rows[1]["last_used_at"].is_null());
}
