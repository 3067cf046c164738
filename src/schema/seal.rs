//! Values that a changed schema calls secret: they are secrets from then on, wherever they are looked at.

use std::sync::Arc;

use super::{Kind, Kinds};
use crate::model::{Content, Credential, Document, Placeholder, pointer};
use crate::secret::Secret;

impl Kinds {
    /// A document in which everything that the schemas call secret is one: earlier versions and the trash
    /// included. A value that was given in clear, before the schema of its kind was changed, stands in the file
    /// as it was given until its credential is saved again. The document itself where there is no such value.
    pub fn sealed(&self, document: &Arc<Document>) -> Arc<Document> {
        if self.own().is_empty() {
            return document.clone();
        }
        let mut sealed: Option<Arc<Document>> = None;
        for (index, credential) in document.credentials.iter().enumerate() {
            if self.shows(credential) {
                let copy = Arc::make_mut(sealed.get_or_insert_with(|| document.clone()));
                self.seal(&mut copy.credentials[index]);
            }
        }
        for (index, removed) in document.trash.iter().enumerate() {
            if self.shows(&removed.credential) {
                let copy = Arc::make_mut(sealed.get_or_insert_with(|| document.clone()));
                self.seal(&mut copy.trash[index].credential);
            }
        }
        sealed.unwrap_or_else(|| document.clone())
    }

    fn shows(&self, credential: &Credential) -> bool {
        let history = credential.history.iter().map(|version| &version.content);
        let shown = |kind: &Kind, content: &Content| kind.is_own() && !kind.shown(content).is_empty();
        let kept = credential.rotation.as_ref().is_some_and(|rotation| {
            self.of_content(&credential.content).is_some_and(|kind| shown(&kind, &rotation.kept))
        });
        kept || history
            .chain([&credential.content])
            .any(|content| self.of_content(content).is_some_and(|kind| shown(&kind, content)))
    }

    fn seal(&self, credential: &mut Credential) {
        let kind = self.of_content(&credential.content).filter(|kind| kind.is_own());
        if let (Some(kind), Some(rotation)) = (kind, &mut credential.rotation) {
            kind.seal(&mut rotation.kept);
        }
        let history = credential.history.iter_mut().map(|version| &mut version.content);
        for content in history.chain([&mut credential.content]) {
            if let Some(kind) = self.of_content(content).filter(|kind| kind.is_own()) {
                kind.seal(content);
            }
        }
    }
}

impl Kind {
    /// Makes secrets of values that the schema calls so and that stand in clear.
    pub fn seal(&self, content: &mut Content) {
        for place in self.shown(content) {
            let Some(value) = content.get(&place) else { continue };
            let secret = Secret::new(value.as_str().map_or_else(|| value.to_string(), str::to_owned));
            content.set_secret(&place, secret);
        }
    }

    /// The places of secrets that stand in clear.
    fn shown(&self, content: &Content) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        // What lies in a secret or in its placeholder is no place of its own.
        let mut done: Vec<String> = Vec::new();
        let Some(config) = content.document.get("config") else { return found };
        pointer::walk("/config", config, &mut |place, value| {
            if done.iter().any(|outer| place.starts_with(outer.as_str())) {
                return;
            }
            let placeholder = Placeholder::of(value).is_some();
            let secret = !placeholder && !value.is_null() && self.is_secret(place);
            if placeholder || secret {
                done.push(format!("{place}/"));
            }
            if secret {
                found.push(place.to_owned());
            }
        });
        found
    }
}
