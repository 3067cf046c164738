//! Edits of the organization's OAuth apps.

use super::{Edit, EditError};
use crate::model::{Credential, Document, OauthApp};

/// The kind whose credentials refer to an OAuth app, and where they name it.
const ALIAS: &str = "oauth_alias";
const APP: &str = "/config/app";

impl Document {
    /// The OAuth apps of the organization, sorted by name.
    pub fn oauth_apps(&self) -> &[OauthApp] {
        &self.organization.oauth_apps
    }

    /// An OAuth app by its name.
    pub fn oauth_app(&self, name: &str) -> Option<&OauthApp> {
        self.oauth_apps().iter().find(|app| app.name() == name)
    }

    /// The credentials that refer to an OAuth app.
    pub fn oauth_app_users<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Credential> {
        self.credentials.iter().filter(move |credential| {
            let content = &credential.content;
            content.kind() == ALIAS && content.get_str(APP) == Some(name)
        })
    }

    pub(super) fn set_oauth_app(
        &mut self,
        name: String,
        before: Option<OauthApp>,
        after: Option<OauthApp>,
    ) -> Result<Edit, EditError> {
        debug_assert!(after.as_ref().is_none_or(|app| app.name() == name), "an app under its own name");
        if self.oauth_app(&name) != before.as_ref() {
            return Err(EditError::OauthAppConflict(name));
        }
        if after.is_none() {
            let by: Vec<String> = self
                .oauth_app_users(&name)
                .map(|user| format!("{}/{}", user.content.solution(), user.content.key()))
                .collect();
            if before.is_some() && !by.is_empty() {
                return Err(EditError::OauthAppInUse { name, by });
            }
        }
        let apps = &mut self.organization.oauth_apps;
        let place = apps.iter().position(|app| app.name() == name);
        match (place, after.clone()) {
            (Some(index), Some(after)) => apps[index] = after,
            (Some(index), None) => drop(apps.remove(index)),
            (None, Some(after)) => {
                let index = apps.partition_point(|app| app.name() < name.as_str());
                apps.insert(index, after);
            }
            (None, None) => {}
        }
        Ok(Edit::SetOauthApp { name, before: after, after: before })
    }
}
