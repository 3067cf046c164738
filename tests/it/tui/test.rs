//! Tests in the background, against a service that really checks.

use std::time::Duration;

use credbench::tui::message::{Message, Timer};
use insta::assert_snapshot;

use crate::support::service::{RIGHT, Service, nobody};
use crate::support::ui::{Start, Ui};

fn three(service: &Service) -> String {
    let one = |key: &str, url: &str, token: &str| {
        format!(
            r#"{{"key":"{key}","kind":"bearer_token","config":{{"base_url":"{url}","token":"{token}"}},
                "test":{{"method":"GET","path":"/me"}}}}"#
        )
    };
    let secret = r#"{"key":"d.plain","kind":"secret","config":{"values":{"A":"a"}}}"#;
    let url = &service.url;
    let parts = [
        one("a.right", url, RIGHT),
        one("b.wrong", url, "no"),
        one("c.gone", &nobody(), RIGHT),
        secret.into(),
    ];
    format!("[{}]", parts.join(","))
}

#[test]
fn one_test_says_what_it_found_and_the_vault_keeps_it() {
    let service = Service::start();
    let mut ui = Start::with(&three(&service)).open();
    ui.keys("t").wait("● a.right ok").wait("● active");
    ui.keys("jt").wait("✗ b.wrong rejected").wait("✗ error").wait("1 failing");
    let document = ui.home.open().unwrap().document;
    let outcomes: Vec<&str> =
        document.credentials.iter().flat_map(|c| &c.tests).map(|t| t.outcome.word()).collect();
    assert_eq!(outcomes, ["ok", "rejected"]);
}

#[test]
fn all_shown_are_tested_as_one_batch() {
    let service = Service::start();
    let mut ui = Start::with(&three(&service)).open();
    ui.keys("T").wait("4 tests: ").wait("● active").wait("✗ error");
    ui.sees("1 ok").sees("1 rejected").sees("1 unreachable").sees("1 not testable");
    ui.until("the batch is stored", |ui| {
        let document = ui.home.open().unwrap().document;
        document.credentials.iter().map(|c| c.tests.len()).sum::<usize>() == 3
    });
    assert_eq!(ui.home.open().unwrap().store.header().generation, 3, "one save for the batch");
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r" +\d+ ms", " N ms");
    settings.add_filter(r"127\.0\.0\.1:\d+", "ADDRESS");
    settings.add_filter(r" +│+\n", "\n");
    // Where a line is cut depends on how many digits its times and ports have.
    settings.add_filter(r"(match \d+|nothing listens).*…", "$1 …");
    let screen = ui.screen();
    // The order is that of the answers.
    let mut log: Vec<&str> = screen.lines().skip_while(|line| !line.starts_with("┌ Test")).collect();
    log.sort_unstable();
    let log = log.join("\n");
    settings.bind(|| assert_snapshot!(log));
}

#[test]
fn marked_credentials_are_tested_together() {
    let service = Service::start();
    let mut ui = Start::with(&three(&service)).open();
    ui.keys("<space><space>")
        .sees("t test marked")
        .keys("t")
        .wait("2 tests: ")
        .sees("1 ok")
        .sees("1 rejected");
}

/// A credential whose test gets no answer.
fn slow(service: &Service) -> String {
    format!(
        r#"{{"key":"slow","kind":"bearer_token","config":{{"base_url":"{}","token":"x"}},
            "test":{{"method":"GET","path":"/never"}}}}"#,
        service.url
    )
}

#[test]
fn tests_are_cancelled_and_leave_no_trace() {
    let service = Service::start();
    let mut ui = Start::with(&slow(&service)).open();
    ui.keys("t");
    service.requests.recv().unwrap();
    ui.sees("testing").sees("x cancel").keys("x").sees("1 test cancelled").sees("○ untested");
    ui.keys("x").sees("no test is running");
    assert_eq!(ui.home.open().unwrap().store.header().generation, 2);
}

#[test]
fn a_newer_test_replaces_the_older_one() {
    let service = Service::start();
    let mut ui = Start::with(&slow(&service)).open();
    ui.keys("t");
    service.requests.recv().unwrap();
    ui.keys("t");
    service.requests.recv().unwrap();
    ui.sees("0 of 1").keys("x").sees("1 test cancelled");
}

#[test]
fn a_draft_is_tested_without_being_saved() {
    let service = Service::start();
    let mut ui = Start::with(&three(&service)).open();
    ui.keys("e<c-t>").wait("● a.right ok").sees("draft");
    assert_eq!(ui.home.open().unwrap().store.header().generation, 2, "nothing was stored");
}

/// Some that are answered, and one that is not.
fn four_and_slow(service: &Service) -> String {
    let mut documents: Vec<String> = (0..4)
        .map(|nth| {
            format!(
                r#"{{"key":"quick.{nth}","kind":"bearer_token","config":{{"base_url":"{}","token":"{RIGHT}"}},
                    "test":{{"method":"GET","path":"/me"}}}}"#,
                service.url
            )
        })
        .collect();
    documents.push(slow(service));
    format!("[{}]", documents.join(","))
}

#[test]
fn the_progress_says_how_many_ended_how_and_what_is_left() {
    let service = Service::start();
    let mut ui = Start::with(&four_and_slow(&service)).open();
    ui.keys("T").wait("testing 4 of 5").sees("● 4 ok").misses(" left ");
    ui.later(8).sees("2 s left").sees("x cancels").resize(80, 24).sees("4 of 5");
    ui.keys("x").sees("1 test cancelled");
}

#[test]
fn what_was_found_is_stored_although_the_rest_is_cancelled() {
    let service = Service::start();
    let tests = |ui: &Ui| -> Vec<usize> {
        ui.home.open().unwrap().document.credentials.iter().map(|known| known.tests.len()).collect()
    };
    for end in ["x", "<c-l>", "q"] {
        let mut ui = Start::with(&four_and_slow(&service)).open();
        ui.keys("T").wait("testing 4 of 5");
        assert_eq!(tests(&ui), [0; 5], "one save for the batch");
        ui.keys(end);
        if end == "q" {
            ui.ends();
        }
        ui.until("the results are stored", |ui| tests(ui) == [1, 1, 1, 1, 0]);
    }
}

#[test]
fn what_was_found_is_stored_while_a_long_batch_still_runs() {
    let service = Service::start();
    let mut ui = Start::with(&four_and_slow(&service)).open();
    ui.keys("T").wait("testing 4 of 5");
    // The next result that comes after a while takes the others along: that of another batch, too.
    ui.later(11).keys("<home>t");
    ui.until("the results are stored", |ui| {
        let document = ui.home.open().unwrap().document;
        document.credentials.iter().map(|known| known.tests.len()).sum::<usize>() == 5
    });
    ui.sees("testing").keys("x").sees("1 test cancelled");
}

#[test]
fn everything_is_tested_again_after_a_while_if_the_configuration_says_so() {
    let service = Service::start();
    let retests = |ui: &Ui| -> Vec<(Duration, Timer)> {
        ui.timers.iter().copied().filter(|(_, timer)| matches!(timer, Timer::Retest(_))).collect()
    };
    let ui = Start::with(&three(&service)).open();
    assert_eq!(retests(&ui), [], "off by default");
    let mut ui = Start::with(&three(&service)).config(|config| config.test.retest_minutes = 10).open();
    let (after, timer) = retests(&ui)[0];
    assert!((540..=660).contains(&after.as_secs()), "{after:?}");
    // The one that is edited is left alone; the one that no test proves, too.
    ui.keys("e").send(Message::Timer(timer)).wait("2 tests: ").sees("1 rejected").sees("1 unreachable");
    assert_eq!(retests(&ui).len(), 2, "and again");
    ui.send(Message::Timer(timer)).misses("testing").keys("<esc><c-l>").wait("locked");
    let newest = retests(&ui)[1].1;
    ui.send(Message::Timer(newest));
    assert_eq!(retests(&ui).len(), 2, "not while it is locked");
}

/// Three that may be tested at any time, and two whose service locks accounts.
fn some_that_lock(service: &Service) -> String {
    let locks = |key: &str| {
        format!(
            r#"{{"key":"{key}","kind":"basic_auth","service":"dockerhub","test":{{"path":"/me"}},
                "config":{{"base_url":"{}","username":"ann","password":"{RIGHT}"}}}}"#,
            service.url
        )
    };
    three(service).replace(']', &format!(",{},{}]", locks("e.locks"), locks("f.locks")))
}

/// How many tests each credential has, in the order of their keys.
fn tests_kept(ui: &Ui) -> Vec<usize> {
    let document = ui.home.open().unwrap().document;
    let mut kept: Vec<_> =
        document.credentials.iter().map(|known| (known.content.key(), known.tests.len())).collect();
    kept.sort_unstable();
    kept.into_iter().map(|(_, count)| count).collect()
}

#[test]
fn what_may_lock_an_account_is_tested_among_many_only_after_a_question() {
    let service = Service::start();
    let mut ui = Start::with(&some_that_lock(&service)).open();
    ui.keys("T").wait("2 of these 6 cost quota or may lock accounts").sees("f.locks of default: wrong tries");
    ui.sees("[ Leave them out ]").sees("Test all").sees("Cancel");
    ui.keys("<esc>").misses("these 6").misses("testing");
    ui.keys("T<enter>").wait("4 tests: ");
    ui.until("they are stored", |ui| tests_kept(ui) == [1, 1, 1, 0, 0, 0]);
    ui.keys("T<tab><enter>").wait("6 tests: ");
    ui.until("they are stored", |ui| tests_kept(ui) == [2, 2, 2, 0, 1, 1]);
    // One that is selected needs no question.
    ui.keys("<end>t").until("it is stored", |ui| tests_kept(ui) == [2, 2, 2, 0, 1, 2]);
    // Where there is nothing else to test, leaving out is no answer.
    ui.keys("/locks<enter>T").wait("All of these cost quota or may lock accounts").misses("Leave them out");
    ui.sees("[ Cancel ]").keys("<enter>").misses("All of these");
}

#[test]
fn tests_on_a_schedule_leave_out_what_may_lock_an_account() {
    let service = Service::start();
    let mut ui =
        Start::with(&some_that_lock(&service)).config(|config| config.test.retest_minutes = 10).open();
    let (_, timer) = ui.timers.iter().copied().find(|(_, timer)| matches!(timer, Timer::Retest(_))).unwrap();
    ui.send(Message::Timer(timer)).wait("3 tests: ");
    ui.until("they are stored", |ui| tests_kept(ui) == [1, 1, 1, 0, 0, 0]);
}

#[test]
fn a_proxy_of_the_environment_is_shown_before_its_first_use() {
    use crate::support::proxy::{Does, Proxy};
    use crate::support::server::{Server, json as answer};
    use crate::support::tls::{Leaf, authority_pem, named};
    use credbench::session::Network;
    use serde_json::json;

    let service = Service::start();
    let far = Server::tls(named(&["api.invalid"], Leaf::Good, false).server(), |_| answer(200, "{}"));
    let proxy = Proxy::http(Does::Leads(far.address()));
    let one = |key: &str, url: &str| {
        json!({"key": key, "kind": "bearer_token", "test": {"path": "/me"}, "ca_certificate": authority_pem(),
               "config": {"base_url": url, "token": RIGHT}})
    };
    let documents = json!([one("a.far", "https://api.invalid"), one("b.near", &service.url)]).to_string();
    let address = format!("http://ann:hidden-word@{}", proxy.place());
    let environment =
        Network { variables: vec![("HTTPS_PROXY".to_owned(), address.clone().into())], ..Network::default() };
    let mut ui = Start::with(&documents).network(environment).open();
    // What needs no proxy is not asked about.
    ui.keys("jt").wait("● b.near ok");
    // Asked before anything is sent; a refusal sends nothing.
    ui.keys("kt").wait("HTTPS_PROXY in the environment names").sees("┌ Proxy").misses("hidden-word");
    assert!(proxy.asked().is_empty());
    ui.keys("n").wait("not sent: the proxy may not be used");
    assert!(proxy.asked().is_empty());
    // Closing the question is a refusal too; agreed once, it is not asked again.
    ui.keys("t").wait("HTTPS_PROXY in the environment names").keys("<esc>").gone("┌ Proxy");
    ui.keys("t").wait("HTTPS_PROXY in the environment names").keys("y").wait("● a.far ok");
    ui.keys("t").until("it was asked again", |_| proxy.asked().len() == 2).misses("┌ Proxy");
    // One that is configured was agreed on there.
    let configured = Network {
        proxy: credbench::config::ProxyOption::Named(credbench::proxy::Proxy::parse(&address).unwrap()),
        ..Network::default()
    };
    let mut ui = Start::with(&documents).network(configured).open();
    ui.keys("t").wait("● a.far ok");
    assert_eq!(proxy.asked().len(), 3);
}
