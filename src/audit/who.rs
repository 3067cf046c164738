//! Who runs this program, as far as the system knows.

use std::net::IpAddr;

use super::event::Who;

/// The longest name that is kept.
const LONGEST: usize = 64;

/// What the system writes where nobody logged in.
const NOBODY: u32 = u32::MAX;

impl Who {
    /// Of this process. `name` is what the environment calls the user, for those that the system's own list does
    /// not have; `from` is what SSH says about the connection: an address, then more.
    pub fn of_process(name: Option<&str>, from: Option<&str>) -> Self {
        let uid = rustix::process::getuid().as_raw();
        let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        let user = user(&passwd, uid).or(name).map(clean).unwrap_or_default();
        let address = from.and_then(|from| from.split(' ').next()?.parse::<IpAddr>().ok());
        let login = std::fs::read_to_string("/proc/self/loginuid").unwrap_or_default();
        Self {
            uid,
            user,
            login: self::login(&login, uid),
            tty: tty().map(|tty| clean(&tty)).unwrap_or_default(),
            ssh: address.map(|address| address.to_string()).unwrap_or_default(),
            host: clean(&rustix::system::uname().nodename().to_string_lossy()),
            pid: std::process::id(),
        }
    }
}

fn user(passwd: &str, uid: u32) -> Option<&str> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then_some(name)
    })
}

/// The user who logged in, where that is another one.
fn login(text: &str, uid: u32) -> Option<u32> {
    text.trim().parse().ok().filter(|login| *login != uid && *login != NOBODY)
}

/// The terminal among the three streams, without its folder.
fn tty() -> Option<String> {
    let (input, output, error) = (std::io::stdin(), std::io::stdout(), std::io::stderr());
    let name = rustix::termios::ttyname(&input, Vec::new())
        .or_else(|_| rustix::termios::ttyname(&output, Vec::new()))
        .or_else(|_| rustix::termios::ttyname(&error, Vec::new()))
        .ok()?;
    let name = name.to_string_lossy();
    Some(name.strip_prefix("/dev/").unwrap_or(&name).to_owned())
}

/// A name as it may stand in the log: short, and nothing in it that a terminal would act on.
fn clean(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_list_names_the_user() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\nbroken\n";
        assert_eq!(user(passwd, 1000), Some("ann"));
        assert_eq!(user(passwd, 0), Some("root"));
        assert_eq!(user(passwd, 100), None);
    }

    #[test]
    fn who_logged_in_is_named_where_it_is_another_one() {
        assert_eq!(login("1000\n", 0), Some(1000));
        assert_eq!(login("1000\n", 1000), None);
        assert_eq!(login("4294967295", 0), None, "nobody did");
        assert_eq!(login("", 0), None);
    }

    #[test]
    fn only_an_address_is_an_address() {
        let from = |text| Who::of_process(None, Some(text)).ssh;
        assert_eq!(from("10.0.0.7 50022 10.0.0.1 22"), "10.0.0.7");
        assert_eq!(from("fe80::1 1 ::1 22"), "fe80::1");
        assert_eq!(from("\u{1b}[31m evil"), "");
        assert_eq!(clean("a\u{1b}[31mb\n"), "a[31mb");
    }
}
