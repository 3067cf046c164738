//! The workbench.

mod conflict;
mod drafts;
mod edit;
mod keys;
mod kinds;
mod list;
mod lock;
mod login;
mod open_time;
mod organization;
mod pty;
mod pty_login;
mod review;
mod rotation;
mod save;
mod secrets;
mod services;
mod sizes;
mod test;
mod tokens;
mod watch;
mod workflows;
