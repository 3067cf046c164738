//! The workbench.

mod audit;
mod confirm;
mod conflict;
mod drafts;
mod edit;
mod keys;
mod kinds;
mod list;
mod lock;
mod login;
mod masking;
mod open_time;
mod organization;
mod paste;
mod pty;
mod pty_login;
mod review;
mod save;
mod secrets;
mod services;
mod sizes;
mod stops;
mod test;
mod tokens;
mod traces;
mod watch;
