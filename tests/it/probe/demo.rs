//! The samples of the demonstration, tested by the real engine at their service.

use std::collections::BTreeMap;

use super::*;

#[tokio::test]
async fn every_sample_has_its_outcome() {
    let service = credbench::demo::Service::start().await.unwrap();
    let contents = credbench::demo::contents(service.base_url(), now());
    let tests = contents.iter().map(|content| {
        (content.key().to_owned(), plan(&Kinds::builtin().of_content(content).unwrap(), content))
    });
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    let pool = Pool::new(Limits::default());
    pool.run_all(tests.collect(), conditions(&CancellationToken::new()), sender).await;
    let mut lines = BTreeMap::new();
    while let Some((key, report)) = receiver.recv().await {
        lines.insert(key.clone(), format!("{key:<22} {:<14} {}", report.outcome.word(), report.message));
    }
    insta::assert_snapshot!(lines.into_values().collect::<Vec<_>>().join("\n"));
}

#[tokio::test]
async fn what_was_found_before_is_worded_as_it_is_found_now() {
    let service = credbench::demo::Service::start().await.unwrap();
    let document = credbench::demo::document(service.base_url(), now());
    for credential in &document.credentials {
        let Some(last) = credential.last_test() else { continue };
        let plan = plan(&Kinds::builtin().of_content(&credential.content).unwrap(), &credential.content);
        let found = run(&plan.unwrap(), &Trust::default(), LONG, &CancellationToken::new(), now).await;
        assert_eq!((last.outcome, &last.message), (found.outcome, &found.message));
        assert_eq!(last.status_code, found.status_code);
    }
}

#[tokio::test]
async fn the_service_ends_when_it_is_dropped() {
    let service = credbench::demo::Service::start().await.unwrap();
    let address = service.base_url().strip_prefix("http://").unwrap().to_owned();
    let before = tokio::net::TcpStream::connect(&address).await;
    assert!(before.is_ok());
    drop(service);
    let gone = async {
        while tokio::net::TcpStream::connect(&address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONG, gone).await.unwrap();
}
