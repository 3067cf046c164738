//! Clocks that differ, and lives that nobody lives (RELIABILITY O6).

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use credbench::oauth::{Means, Outcome};
use credbench::secret::Secret;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{LONG, ask, told, trust};
use crate::support::authority::rsa_key;
use crate::support::issuer::{Issuer, Manners};

/// What a refresh gives by a clock that is ahead by so many seconds.
async fn refreshed(issuer: &Issuer, ahead: i64) -> (Outcome, Timestamp) {
    let (trust, cancel) = (trust(), CancellationToken::new());
    let now = Timestamp::now() + SignedDuration::from_secs(ahead);
    let clock: &(dyn Fn() -> Timestamp + Sync) = &move || now;
    let means = Means { trust: &trust, deadline: Instant::now() + LONG, cancel: &cancel, clock };
    let (_, refresh) = issuer.given();
    let ask = ask(issuer.config("authorization_code"), json!({}));
    (ask.refresh(&Secret::new(refresh), &means).await, now)
}

const DAY: i64 = 86_400;

/// A token's life counts from when it was asked for, by this machine's clock: the server's plays no part.
#[tokio::test]
async fn a_life_is_counted_by_one_clock() {
    let issuer = Issuer::start(Manners::default());
    for (ours, theirs) in
        [(0, 0), (600, 0), (-600, 0), (0, 600), (0, -600), (DAY, 0), (-DAY, 0), (0, DAY), (0, -DAY)]
    {
        issuer.manner(|manners| manners.skew = theirs);
        let (outcome, now) = refreshed(&issuer, ours).await;
        let token = outcome.result.unwrap();
        assert_eq!(token.expires_at, Some(now + SignedDuration::from_secs(3600)), "{ours} {theirs}");
    }
}

/// Whatever is said of a life, what is kept of it is later than now, or nothing: no refresh leads to the next.
#[tokio::test]
async fn a_life_that_cannot_be_is_not_believed() {
    let issuer = Issuer::start(Manners::default());
    let cases: [(Value, Option<i64>); 9] = [
        (json!(3600), Some(3600)),
        (json!("3600"), Some(3600)),
        (json!(3599.5), Some(3599)),
        (json!(1e18), Some(3650 * DAY)),
        (json!("1e18"), Some(3650 * DAY)),
        (json!(0), None),
        (json!(-1), None),
        (json!("soon"), None),
        (Value::Null, None),
    ];
    for (said, life) in cases {
        issuer.manner(|manners| manners.expires_in = said.clone());
        let (outcome, now) = refreshed(&issuer, 0).await;
        let token = outcome.result.as_ref().unwrap_or_else(|_| panic!("{said}: {}", told(&outcome)));
        assert_eq!(token.expires_in, life, "{said}");
        assert_eq!(token.expires_at, life.map(|life| now + SignedDuration::from_secs(life)), "{said}");
    }
}

/// A refused client or refresh is told of clocks only where they differ.
#[tokio::test]
async fn clocks_that_agree_are_not_blamed() {
    let issuer = Issuer::start(Manners::default());
    for (skew, blamed) in [(0, false), (-30, false), (600, true), (-DAY, true)] {
        issuer.manner(|manners| manners.skew = skew);
        let ask = ask(issuer.config("authorization_code"), json!({}));
        let unknown = Secret::from("unknown");
        let outcome = super::at_once(async |means| ask.refresh(&unknown, means).await).await;
        assert!(told(&outcome).contains("Log in again."), "{}", told(&outcome));
        assert_eq!(told(&outcome).contains("This machine's clock"), blamed, "{skew}: {}", told(&outcome));
    }
}

/// An assertion is good for a few minutes of the server's clock: a difference is what the server says, and told.
#[tokio::test]
async fn an_assertion_needs_clocks_that_agree() {
    let (key, public) = rsa_key();
    let issuer = Issuer::start(Manners { key: Some(public), ..Manners::default() });
    let ask = ask(issuer.config("jwt_bearer"), json!({"client_secret": null, "private_key": key}));
    for (skew, good) in
        [(0, true), (-50, true), (100, true), (-600, false), (600, false), (DAY, false), (-DAY, false)]
    {
        issuer.manner(|manners| manners.skew = skew);
        let outcome = super::at_once(async |means| ask.token(means).await).await;
        assert_eq!(outcome.result.is_ok(), good, "{skew}: {}", told(&outcome));
        let words = told(&outcome);
        let difference = match skew {
            0.. => format!("This machine's clock is {skew} s behind the server's"),
            _ => format!("This machine's clock is {} s ahead of the server's", -skew),
        };
        // A second may have passed between the two.
        let near = difference.replace(&format!("{}", skew.abs()), &format!("{}", (skew + 1).abs()));
        let nearer = difference.replace(&format!("{}", skew.abs()), &format!("{}", (skew - 1).abs()));
        assert!(
            good || [difference, near, nearer].iter().any(|said| words.contains(said)),
            "{skew}: {words}"
        );
    }
}
