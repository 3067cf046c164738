//! The workbench.

mod conflict;
mod drafts;
mod edit;
mod keys;
mod kinds;
mod list;
mod lock;
mod organization;
mod pty;
mod save;
mod secrets;
mod services;
mod sizes;
mod test;
mod watch;
