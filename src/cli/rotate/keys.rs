//! Keys that the service makes, and drops, when it is asked with the one in use.

use super::Turn;
use crate::cli::args::Rotate;
use crate::cli::exchange;
use crate::cli::prompt::{Terminal, cancelled};
use crate::problem::{Exit, Problem};
use crate::session;

impl Turn<'_> {
    /// Lets the service make the next key. It is kept at once: it is told only once.
    pub(super) fn make(&mut self, arguments: &Rotate) -> Result<(), Problem> {
        let credential = self.credential()?;
        let id = credential.id.clone();
        let rotating = session::rotating(self.opened.session.document(), &self.opened.kinds, credential);
        if rotating.makes.is_some_and(|makes| makes.replaces) {
            self.agree(arguments, &rotating.users)?;
        }
        let made = exchange::run(
            self.context,
            self.setup,
            &mut self.opened.session,
            false,
            async |keeper, ways| session::make_key(keeper, &id, ways).await,
        )?;
        self.warn(&made.warnings);
        let which = made.id.unwrap_or_else(|| "the next key".to_owned());
        self.note(&match made.replaced {
            true => format!("The service made {which}; it is kept, and in use: the one before has ended."),
            false => format!("The service made {which}; it is kept, and the one in use stays in use."),
        });
        self.made = true;
        Ok(())
    }

    /// Makes sure that a person knows what making the next key ends.
    fn agree(&self, arguments: &Rotate, users: &[String]) -> Result<(), Problem> {
        let key = self.key;
        if arguments.prepare {
            let message =
                format!("{key}: making the next key ends the one in use: there is nothing to prepare");
            return Err(Problem::new(Exit::Refused, "ends_at_once", message)
                .hint(format!("`credbench rotate {key} --make` makes it and switches to it")));
        }
        match users {
            [] => self.note("No workflow is known to use it: `credbench scan PATH` finds those that do."),
            users => self.note(&format!("It is used by {}.", users.join(", "))),
        }
        if arguments.yes {
            return Ok(());
        }
        let Some(mut terminal) = Terminal::attended() else {
            let message = format!("{key}: the value in use ends at once when the service makes the next one");
            return Err(
                Problem::new(Exit::Usage, "ends_at_once", message).hint("--yes says that this is meant")
            );
        };
        let question = format!(
            "The value in use ends at once, and there is no way back. Let the service make the next one of {key}"
        );
        if terminal.confirm(&question) { Ok(()) } else { Err(cancelled()) }
    }

    /// Lets the service drop the key before, and ends the rotation.
    pub(super) fn revoke(&mut self) -> Result<(), Problem> {
        let (id, accepted) = (self.credential()?.id.clone(), self.no_test);
        let dropped = exchange::run(
            self.context,
            self.setup,
            &mut self.opened.session,
            false,
            async |keeper, ways| session::drop_key(keeper, &id, accepted, ways).await,
        )?;
        self.warn(&dropped.warnings);
        match dropped.id {
            Some(key_id) => self.note(&format!("The service dropped {key_id}.")),
            None if dropped.asked => self.note("The service dropped the one before."),
            None => self.note("The one before had ended already."),
        }
        Ok(())
    }

    fn warn(&self, warnings: &[String]) {
        warnings.iter().for_each(|warning| self.context.output.warning(warning));
    }
}
