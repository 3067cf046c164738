//! A draft that is kept while nobody can edit it, and gone on with later.

use serde_json::Value;

use super::{Base, Draft, State};
use crate::model::{Content, KeptContent, Placeholder, pointer};
use crate::schema::Kind;

impl Draft {
    /// What is kept of it: all it says, without the secrets that the stored version has at the same place.
    pub fn keep(&self) -> KeptContent {
        let content = self.content();
        let own =
            content.secrets.iter().filter(|(place, secret)| self.original.secret(place) != Some(*secret));
        KeptContent {
            document: content.document.clone(),
            secrets: own.map(|(place, secret)| (place.clone(), secret.clone())).collect(),
            entered: self.state.entered.clone(),
        }
    }

    /// Goes on with what was kept, on the stored version that it began from; `None`: there was none, or it is not
    /// there any more. What the schema calls secret by now is one. A secret that is neither kept nor stored is
    /// missing.
    ///
    /// Only a secret that the draft itself brings counts as given: nobody can make a draft that sends a stored
    /// secret to another host.
    pub fn resume(stored: Option<(Base, &Content)>, kept: &KeptContent, kind: Option<&Kind>) -> Self {
        let (base, original) = match stored {
            Some((base, content)) => (Some(base), content.clone()),
            None => (None, Content::default()),
        };
        let mut content = Content { document: kept.document.clone(), ..Content::default() };
        let mut places = Vec::new();
        for (name, value) in &kept.document {
            pointer::walk(&pointer::join("", name), value, &mut |place, value: &Value| {
                if Placeholder::of(value) == Some(Placeholder::Stored) {
                    places.push(place.to_owned());
                }
            });
        }
        for place in places {
            match kept.secrets.get(&place).or_else(|| original.secret(&place)) {
                Some(secret) => content.set_secret(&place, secret.clone()),
                None => content.set(&place, Placeholder::Missing.value()),
            }
        }
        let entered = kept.entered.iter().filter(|place| kept.secrets.contains_key(*place)).cloned();
        let state = State { content, entered: entered.collect() };
        let mut draft = Self { base, original, state, ..Self::starting(None, Content::default()) };
        if let Some(kind) = kind {
            draft.seal(kind);
        }
        draft
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::{Credential, Id};
    use crate::schema::Kinds;
    use crate::secret::Secret;

    const KEY: &str = "/config/api_key";

    fn stored() -> Credential {
        let mut content = Content::default();
        content.set("/key", json!("one"));
        content.set("/kind", json!("api_key"));
        content.set("/config/base_url", json!("https://a.example"));
        content.set_secret(KEY, Secret::from("stored"));
        Credential::new(Id::new(), content, jiff::Timestamp::UNIX_EPOCH)
    }

    fn kind() -> &'static std::sync::Arc<Kind> {
        Kinds::builtin().get("api_key").unwrap()
    }

    fn again(credential: &Credential, kept: &KeptContent) -> Draft {
        let base = Base { id: credential.id.clone(), version: credential.version };
        Draft::resume(Some((base, &credential.content)), kept, Some(kind()))
    }

    #[test]
    fn what_is_stored_is_not_kept_and_comes_back() {
        let credential = stored();
        let mut draft = Draft::of(&credential);
        draft.set("/name", json!("a name"));
        let kept = draft.keep();
        assert!(kept.secrets.is_empty());
        let resumed = again(&credential, &kept);
        assert_eq!(resumed.content(), draft.content());
        assert!(resumed.is_changed() && !resumed.is_entered(KEY) && resumed.base() == draft.base());
    }

    #[test]
    fn a_given_secret_is_kept_and_counts_as_given() {
        let credential = stored();
        let mut draft = Draft::of(&credential);
        draft.set("/config/base_url", json!("https://b.example"));
        draft.set_secret(kind(), KEY, Secret::from("given"));
        let resumed = again(&credential, &draft.keep());
        assert_eq!(resumed.content().secret(KEY).unwrap().expose(), "given");
        assert!(resumed.is_entered(KEY) && resumed.check(Kinds::builtin()).is_empty());
    }

    #[test]
    fn a_draft_cannot_claim_that_a_stored_secret_was_given() {
        let credential = stored();
        let mut draft = Draft::of(&credential);
        draft.set("/config/base_url", json!("https://evil.example"));
        let mut kept = draft.keep();
        kept.entered.insert(KEY.to_owned());
        let found = again(&credential, &kept).check(Kinds::builtin());
        assert!(found.iter().any(|violation| violation.pointer == KEY), "{found:?}");
        // The control: one that brings the secret is asked for nothing.
        kept.secrets.insert(KEY.to_owned(), Secret::from("its own"));
        assert!(again(&credential, &kept).check(Kinds::builtin()).is_empty());
    }

    #[test]
    fn without_its_stored_version_a_draft_misses_the_secret() {
        let kept = Draft::of(&stored()).keep();
        let resumed = Draft::resume(None, &kept, Some(kind()));
        assert_eq!(resumed.content().missing_marks(), [KEY]);
        assert!(resumed.base().is_none() && resumed.is_changed());
        // A secret without a place for it is dropped: a content never holds one.
        let mut odd = kept;
        odd.secrets.insert("/config/elsewhere".to_owned(), Secret::from("x"));
        assert!(Draft::resume(None, &odd, Some(kind())).content().secrets.is_empty());
    }
}
