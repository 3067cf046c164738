//! Edits of tokens: what an exchange gave takes the place of what it started from, and of nothing else.

use super::{Edit, EditError};
use crate::model::{Document, Id, Issued, TokenDigest, Tokens};

impl Document {
    pub(super) fn set_tokens(
        &mut self,
        id: Id,
        seen: Option<TokenDigest>,
        tokens: Tokens,
        issued: Option<Issued>,
    ) -> Result<Edit, EditError> {
        let credential = self.credential_mut(&id)?;
        let before = credential.content.tokens();
        if before.digest() != seen {
            return Err(EditError::TokensChanged(credential.content.key().to_owned()));
        }
        credential.content.set_tokens(&tokens);
        let known = std::mem::replace(&mut credential.issued, issued);
        Ok(Edit::SetTokens { id, seen: tokens.digest(), tokens: before, issued: known })
    }
}
