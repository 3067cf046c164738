//! The host that a test goes to (Z2, N10, N11): no value moves it, unless the change is one that wants the secrets
//! given again.

use std::sync::{Arc, OnceLock};

use credbench::model::Content;
use credbench::probe;
use credbench::schema::catalogue::{Chosen, place_of};
use credbench::schema::{Kind, Kinds};
use credbench::secret::Secret;
use serde_json::{Value, json};

use super::bytes::Bytes;

pub fn template(data: &[u8]) {
    let mut bytes = Bytes(data);
    let samples = samples();
    let sample = &samples[bytes.below(samples.len())];
    let mut changed = sample.content.clone();
    for _ in 0..=bytes.below(3) {
        let place = &sample.places[bytes.below(sample.places.len())];
        let value = bytes.text(64);
        match changed.secret(place) {
            Some(_) => changed.set_secret(place, Secret::new(value)),
            None => changed.set(place, Value::from(value)),
        }
    }
    if !sample.kind.check(&changed).is_empty()
        || sample.kind.changed_origin(&sample.content, &changed).is_some()
    {
        return;
    }
    if let Ok(plan) = probe::plan(&sample.kind, &changed) {
        let (host, kept) = (plan.host(), &sample.host);
        assert!(
            host == *kept || are_amazons(kept, host),
            "{} goes elsewhere: {host}",
            sample.content.service()
        );
    }
}

/// The hosts of another region are as much Amazon's own as those before, and a signature does not hold the secret: a
/// region is no origin.
fn are_amazons(before: &str, after: &str) -> bool {
    const PARTITIONS: [&str; 6] = [
        ".amazonaws.com",
        ".amazonaws.com.cn",
        ".csp.hci.ic.gov",
        ".c2s.ic.gov",
        ".sc2s.sgov.gov",
        ".cloud.adc-e.uk",
    ];
    let is_one = |host: &str| {
        let region = host.strip_prefix("sts.");
        let label =
            region.and_then(|rest| PARTITIONS.iter().find_map(|partition| rest.strip_suffix(partition)));
        label.is_some_and(|label| label.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-'))
    };
    is_one(before) && is_one(after)
}

/// A credential of a service that can be tested, and where its test goes to.
struct Sample {
    kind: Arc<Kind>,
    content: Content,
    /// What can be changed.
    places: Vec<String>,
    host: String,
}

fn samples() -> &'static [Sample] {
    static SAMPLES: OnceLock<Vec<Sample>> = OnceLock::new();
    SAMPLES.get_or_init(|| {
        let kinds = Kinds::builtin();
        let services = kinds.catalogue().all();
        let chosen = services.iter().flat_map(|service| {
            let chosen = |variant: &str| {
                let name = format!("{}/{variant}", service.id);
                let kind = service.variants.iter().find(|known| known.id == variant)?.kind.clone();
                kinds.catalogue().variant(&name, &kind).ok()
            };
            service.variants.iter().filter_map(|variant| chosen(&variant.id)).collect::<Vec<_>>()
        });
        chosen.filter_map(|chosen| sample(kinds, &chosen)).collect()
    })
}

fn sample(kinds: &Kinds, chosen: &Chosen) -> Option<Sample> {
    let variant = chosen.variant();
    let kind = kinds.of_service(&variant.kind, &chosen.name())?;
    let document = json!({
        "solution": "default", "key": "k", "kind": variant.kind, "service": chosen.name(), "config": {},
    });
    let mut content = Content { document: document.as_object()?.clone(), ..Content::default() };
    let mut places = Vec::new();
    for field in &variant.fields {
        let place = place_of(&variant.kind, &kind, field);
        let known =
            [&field.example, &field.default].into_iter().flatten().chain(field.choices.first()).next();
        let text = known.map_or("abcdef0123456789", String::as_str);
        match field.secret {
            true => content.set_secret(&place, Secret::from(text)),
            false => content.set(&place, Value::from(text)),
        }
        places.push(place);
    }
    kind.bind(&mut content);
    for place in kind.missing(&content) {
        content.set_secret(&place, Secret::from("abcdef0123456789"));
    }
    let host = probe::plan(&kind, &content).ok()?.host().to_owned();
    (!places.is_empty() && kind.check(&content).is_empty()).then_some(Sample { kind, content, places, host })
}
