//! Keys that a service makes, and drops, when it is asked with the key in use. Pure: what is asked for is sent as any
//! request that a person asks for ([`Prepared`]), to the credential's own address.
//!
//! How it is asked stands in the service's file (`[variant.rotation]`); AWS is the one case in code.

mod aws;

use std::sync::Arc;

use jiff::Timestamp;
use url::Url;

use super::ask::{self, Prepared, Wish};
use super::plan::Unplannable;
use super::service::{self, Chain};
use crate::http::Answer;
use crate::model::{Content, Outcome};
use crate::schema::Kind;
use crate::schema::catalogue::{Chosen, Rotation};

/// How the service of a credential makes keys.
#[derive(Clone, Debug)]
pub struct Maker {
    kind: Arc<Kind>,
    way: Way,
}

#[derive(Clone, Debug)]
enum Way {
    Aws,
    /// What its file says.
    Described(Chosen, Box<Rotation>),
}

/// Why there is no key, or one is still there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmade {
    /// In a sentence, partly in the service's own words.
    pub words: String,
    /// It may have been done all the same.
    pub unclear: bool,
    /// The key in use lacks the permission, or is refused.
    pub denied: bool,
}

impl Unmade {
    fn refused(words: String) -> Self {
        Self { words, unclear: false, denied: false }
    }

    fn unclear(words: String) -> Self {
        Self { words, unclear: true, denied: false }
    }

    fn judged((outcome, words): (Outcome, String), status: u16) -> Self {
        let words = format!("the service answered: {words}");
        let denied = matches!(outcome, Outcome::Limited | Outcome::Rejected | Outcome::Expired);
        // It said that it did it, or failed while it was at it.
        let unclear = !denied && matches!(status, 200..=299 | 408 | 500..);
        Self { words, unclear, denied }
    }
}

impl Maker {
    /// How keys of a credential of a kind are made; `None`: its service makes none when it is asked.
    pub fn of(kind: &Arc<Kind>, content: &Content) -> Option<Self> {
        let way = match kind.service() {
            Some(Ok(chosen)) if chosen.variant().rotation.is_some() => {
                Way::Described(chosen.clone(), Box::new(chosen.variant().rotation.clone()?))
            }
            _ if aws::makes_keys(content) => Way::Aws,
            _ => return None,
        };
        Some(Self { kind: kind.clone(), way })
    }

    /// Whether making a key ends the one in use at once.
    pub fn replaces(&self) -> bool {
        matches!(&self.way, Way::Described(_, rotation) if rotation.replaces)
    }

    /// Whether the service drops keys.
    pub fn drops(&self) -> bool {
        match &self.way {
            Way::Aws => true,
            Way::Described(_, rotation) => rotation.drop.is_some(),
        }
    }

    /// What the key in use must be allowed.
    pub fn needs(&self) -> Option<&str> {
        match &self.way {
            Way::Aws => Some(aws::NEEDS),
            Way::Described(_, rotation) => rotation.needs.as_deref(),
        }
    }

    /// What the service calls the key of a credential, as far as that is known.
    pub fn key_id<'a>(&self, content: &'a Content) -> Option<&'a str> {
        match &self.way {
            Way::Aws => aws::key_id(content),
            Way::Described(chosen, rotation) => {
                let place = service::place(&self.kind, chosen, rotation.id.as_deref()?)?;
                content.get_str(&place)
            }
        }
        .filter(|id| !id.is_empty())
    }

    /// Whether dropping a key needs what the service calls it.
    pub fn needs_key_id(&self) -> bool {
        match &self.way {
            Way::Aws => true,
            Way::Described(_, rotation) => rotation.id.is_some(),
        }
    }

    /// Where the service is asked.
    pub fn address(&self, content: &Content) -> Option<Url> {
        // No time stands in an address.
        self.to_make(content, Timestamp::UNIX_EPOCH).ok()?.url().cloned()
    }

    /// What makes another key for whoever the one in use belongs to.
    ///
    /// # Errors
    /// Why nothing can be sent.
    pub fn to_make(&self, content: &Content, now: Timestamp) -> Result<Prepared, Unplannable> {
        self.is_complete(content)?;
        match &self.way {
            Way::Aws => signed(content, aws::to_make(content)),
            Way::Described(chosen, rotation) => {
                Chain::to_make(&self.kind, content, chosen, rotation, now).map(Prepared::of_chain)
            }
        }
    }

    /// What drops the key of `before`; the key of `content` asks.
    ///
    /// # Errors
    /// Why nothing can be sent; what is not known of the key before.
    pub fn to_drop(&self, content: &Content, before: &Content) -> Result<Prepared, Unplannable> {
        self.is_complete(content)?;
        match &self.way {
            Way::Aws => signed(content, aws::to_drop(content, aws::key_id(before).unwrap_or_default())),
            Way::Described(chosen, rotation) => {
                let Some(call) = &rotation.drop else {
                    return Err(Unplannable::NotTestable(
                        "its service drops no keys when it is asked".into(),
                    ));
                };
                Chain::to_drop(&self.kind, content, before, chosen, call).map(Prepared::of_chain)
            }
        }
    }

    /// The credential with the key that was made.
    ///
    /// # Errors
    /// What the service said instead, or that its answer is not understood.
    pub fn made(&self, content: &Content, answer: &Answer) -> Result<Content, Unmade> {
        let (chosen, rotation) = match &self.way {
            Way::Aws => return aws::made(content, answer),
            Way::Described(chosen, rotation) => (chosen, rotation),
        };
        service::judged(&rotation.make, answer).map_err(|found| Unmade::judged(found, answer.status))?;
        service::with_made(&self.kind, content, chosen, rotation, answer)
            .map_err(|lacks| Unmade::unclear(format!("the service answered {}, but {lacks}", answer.status)))
    }

    /// Whether a key was dropped, or is not there any more.
    ///
    /// # Errors
    /// What the service said instead.
    pub fn dropped(&self, answer: &Answer) -> Result<(), Unmade> {
        match &self.way {
            Way::Aws => aws::dropped(answer),
            Way::Described(_, rotation) => match &rotation.drop {
                Some(call) => {
                    service::judged(call, answer).map_err(|found| Unmade::judged(found, answer.status))
                }
                None => Ok(()),
            },
        }
    }

    fn is_complete(&self, content: &Content) -> Result<(), Unplannable> {
        let missing: Vec<String> =
            self.kind.missing(content).iter().map(|place| self.kind.title_of(place)).collect();
        if missing.is_empty() { Ok(()) } else { Err(Unplannable::Incomplete(missing)) }
    }
}

fn signed(content: &Content, wish: Wish) -> Result<Prepared, Unplannable> {
    ask::aws(content, wish).map(Prepared::briefly)
}
