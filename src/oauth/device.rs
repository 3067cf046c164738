//! A login on another device: the device authorization grant (RFC 8628).

use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep_until};
use url::Url;

use super::answer;
use super::ask::secure;
use super::login::{Person, Prompt, shown_end};
use super::talk::{DEVICE_GRANT, Form, Place, Talk};
use super::transaction::NotThis;
use super::{Refusal, Token};
use crate::http::Failure;
use crate::secret::Secret;

/// How often the server is asked where it does not say, and how much less often where it says that this is too much
/// (RFC 8628, 3.2 and 3.5).
const INTERVAL: Duration = Duration::from_secs(5);

/// The longest pause that a server can ask for.
const LONGEST_INTERVAL: Duration = Duration::from_secs(300);

/// How long a code is good where the server does not say, and the most that is believed, in seconds.
const LIFE: i64 = 600;
const LONGEST_LIFE: i64 = 3600;

/// The longest code that a person is asked to type, in characters.
const LONGEST_CODE: usize = 64;

/// What the server said at first.
#[derive(Debug)]
struct Device {
    device_code: Secret,
    user_code: String,
    url: Url,
    complete_url: Option<Url>,
    life: Duration,
    interval: Duration,
}

pub(super) async fn login(talk: &mut Talk<'_>, person: &mut Person) -> Result<Token, Refusal> {
    let address = talk.address(Place::Device).await?;
    let token = talk.address(Place::Token).await?;
    let mut form = Form::default();
    if let Some(scope) = talk.ask.scope() {
        form.add("scope", scope);
    }
    if let Some(audience) = &talk.ask.audience {
        form.add("audience", audience.as_str());
    }
    talk.prove(&mut form, &address)?;
    // Where the client proves itself by a header its name is still a parameter (RFC 8628, 3.1).
    form.put("client_id", Secret::from(talk.ask.client_id.as_str()));
    let answer = talk.post("device", &address, form).await?;
    let device = read(&answer::object(&answer)?, answer.status)?;
    talk.secrets.push(device.device_code.clone());
    let ends = talk.means.deadline.min(Instant::now() + device.life);
    person.show(Prompt::Device {
        user_code: device.user_code.clone(),
        host: device.url.host_str().unwrap_or_default().to_owned(),
        url: device.url.clone(),
        complete_url: device.complete_url.clone(),
        ends: shown_end(talk.means, ends),
        interval: device.interval,
    });
    poll(talk, person, &token, device, ends).await
}

/// Asks again and again until the person has decided.
async fn poll(
    talk: &mut Talk<'_>,
    person: &mut Person,
    url: &Url,
    device: Device,
    ends: Instant,
) -> Result<Token, Refusal> {
    let mut interval = device.interval;
    // Grows while nobody answers.
    let mut pause = interval;
    loop {
        let next = Instant::now() + pause;
        person.show(Prompt::AsksNext { at: shown_end(talk.means, next) });
        wait(talk, person, next, ends).await?;
        talk.forget_last("token");
        let mut form = Form::default();
        form.add("grant_type", DEVICE_GRANT);
        form.add("device_code", device.device_code.clone());
        talk.prove(&mut form, url)?;
        form.put("client_id", Secret::from(talk.ask.client_id.as_str()));
        talk.extra(&mut form);
        match talk.token("token", url, form).await {
            Err(Refusal::Error { code, .. }) if code == "authorization_pending" => pause = interval,
            Err(Refusal::Error { code, .. }) if code == "slow_down" => {
                interval = (interval + INTERVAL).min(LONGEST_INTERVAL);
                pause = interval;
                person.show(Prompt::SlowedDown { interval });
            }
            // RFC 8628, 3.5: who is not answered asks less and less often.
            Err(Refusal::Failure(failure)) if may_pass(&failure) => pause = longer(pause),
            Err(Refusal::Answer(answer)) if answer.status >= 500 || answer.status == 429 => {
                pause = longer(pause)
            }
            done => return done,
        }
    }
}

fn longer(pause: Duration) -> Duration {
    (pause * 2).min(LONGEST_INTERVAL)
}

/// Whether a failure may be over the next time.
fn may_pass(failure: &Failure) -> bool {
    matches!(
        failure,
        Failure::TimedOut { .. }
            | Failure::Closed
            | Failure::Refused
            | Failure::Resolve
            | Failure::NotFound
            | Failure::NoRoute
            | Failure::Connect
            | Failure::Proxy { .. }
    )
}

/// Waits until `then`.
async fn wait(talk: &Talk<'_>, person: &mut Person, then: Instant, ends: Instant) -> Result<(), Refusal> {
    loop {
        tokio::select! {
            biased;
            () = talk.means.cancel.cancelled() => return Err(Refusal::Failure(Failure::Cancelled)),
            () = sleep_until(ends) => return Err(Refusal::TooLate),
            () = sleep_until(then) => return Ok(()),
            Some(_) = person.paste() => person.show(Prompt::NotThis(NotThis::NotAsked)),
        }
    }
}

/// Reads the answer of RFC 8628, 3.2.
fn read(json: &Value, status: u16) -> Result<Device, Refusal> {
    let unusable = |reason: &str| Refusal::Unusable { status, reason: reason.to_owned() };
    let text = |name: &str| json.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let Some(device_code) = text("device_code") else {
        return Err(unusable("the answer holds no device code"));
    };
    let shown =
        |code: &&str| code.len() <= LONGEST_CODE && code.chars().all(|c| c.is_ascii_graphic() || c == ' ');
    let Some(user_code) = text("user_code").filter(shown) else {
        return Err(unusable("the answer holds no code that a person could type"));
    };
    // Google called it so before the standard did.
    let address = text("verification_uri").or_else(|| text("verification_url"));
    let url = address.and_then(|text| Url::parse(text).ok()).filter(|url| url.has_host() && secure(url));
    let Some(url) = url else {
        return Err(unusable("the answer holds no https address where the code is entered"));
    };
    // Only the host that the person is shown.
    let complete = text("verification_uri_complete").and_then(|text| Url::parse(text).ok());
    let complete_url = complete.filter(|complete| crate::http::same_origin(complete, &url));
    let life = answer::seconds(json.get("expires_in")).unwrap_or(LIFE).min(LONGEST_LIFE);
    let interval =
        answer::seconds(json.get("interval")).map(|given| Duration::from_secs(given.unsigned_abs()));
    Ok(Device {
        device_code: Secret::from(device_code),
        user_code: user_code.to_owned(),
        url,
        complete_url,
        life: Duration::from_secs(life.unsigned_abs()),
        interval: interval.unwrap_or(INTERVAL).min(LONGEST_INTERVAL),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_device_is_told() {
        let good = json!({"device_code": "d", "user_code": "WDJB-MJHT", "verification_uri": "https://a.example/device",
            "verification_uri_complete": "https://a.example/device?user_code=WDJB-MJHT", "expires_in": 1800, "interval": 7});
        let found = read(&good, 200).unwrap();
        assert_eq!(
            (found.user_code.as_str(), found.interval.as_secs(), found.life.as_secs()),
            ("WDJB-MJHT", 7, 1800)
        );
        assert_eq!(found.complete_url.unwrap().query(), Some("user_code=WDJB-MJHT"));
        let with = |name: &str, value: Value| {
            let mut json = good.clone();
            json[name] = value;
            read(&json, 200)
        };
        assert_eq!(with("interval", Value::Null).unwrap().interval, INTERVAL);
        assert_eq!(with("interval", json!(0)).unwrap().interval, INTERVAL);
        assert_eq!(with("interval", json!(1e18)).unwrap().interval, LONGEST_INTERVAL);
        assert_eq!(with("expires_in", json!(-1)).unwrap().life.as_secs(), LIFE.unsigned_abs());
        assert_eq!(with("expires_in", json!("1e18")).unwrap().life.as_secs(), LONGEST_LIFE.unsigned_abs());
        // A link that leads elsewhere than what is shown.
        assert!(
            with("verification_uri_complete", json!("https://evil.example/")).unwrap().complete_url.is_none()
        );
        for (name, value) in [
            ("device_code", json!("")),
            ("user_code", json!("A\u{1b}[2J")),
            ("user_code", json!("A".repeat(65))),
            ("verification_uri", json!("http://a.example/device")),
            ("verification_uri", json!("javascript:alert(1)")),
        ] {
            assert!(with(name, value.clone()).is_err(), "{name} {value}");
        }
        let google = json!({"device_code": "d", "user_code": "A B", "verification_url": "https://www.google.com/device"});
        assert_eq!(read(&google, 200).unwrap().url.host_str(), Some("www.google.com"));
    }
}
