//! Tables of password managers and browsers. What a column is for is known by its title, so that 1Password,
//! Bitwarden, KeePass, KeePassXC, LastPass, Chrome and Firefox are read by the same rules, and so is a table that
//! somebody made by hand. A column that nobody knows is kept under its title, masked.

use serde_json::Value;

use super::{Found, Item, MOST, Mistake};
use crate::secret::Secret;

/// What a column is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Name,
    Address,
    Username,
    Email,
    Password,
    Totp,
    Notes,
    Folder,
    Tags,
    /// `name: value` lines.
    Fields,
    Archived,
    /// Known to be harmless.
    Fact,
    Unknown,
}

/// Titles in small letters, nothing but letters and digits, and what they mean.
const TITLES: &[(&str, Column)] = &[
    ("name", Column::Name),
    ("title", Column::Name),
    ("account", Column::Name),
    ("url", Column::Address),
    ("urls", Column::Address),
    ("website", Column::Address),
    ("websites", Column::Address),
    ("websiteurl", Column::Address),
    ("webaddress", Column::Address),
    ("loginuri", Column::Address),
    ("uri", Column::Address),
    ("username", Column::Username),
    ("user", Column::Username),
    ("login", Column::Username),
    ("loginname", Column::Username),
    ("loginusername", Column::Username),
    ("email", Column::Email),
    ("password", Column::Password),
    ("loginpassword", Column::Password),
    ("totp", Column::Totp),
    ("logintotp", Column::Totp),
    ("otp", Column::Totp),
    ("otpauth", Column::Totp),
    ("onetimepassword", Column::Totp),
    ("notes", Column::Notes),
    ("note", Column::Notes),
    ("comment", Column::Notes),
    ("comments", Column::Notes),
    ("extra", Column::Notes),
    ("folder", Column::Folder),
    ("group", Column::Folder),
    ("grouping", Column::Folder),
    ("collections", Column::Folder),
    ("vault", Column::Folder),
    ("tags", Column::Tags),
    ("fields", Column::Fields),
    ("archived", Column::Archived),
    ("favorite", Column::Fact),
    ("fav", Column::Fact),
    ("type", Column::Fact),
    ("reprompt", Column::Fact),
    ("icon", Column::Fact),
    ("created", Column::Fact),
    ("lastmodified", Column::Fact),
    ("guid", Column::Fact),
    ("httprealm", Column::Fact),
    ("formactionorigin", Column::Fact),
    ("timecreated", Column::Fact),
    ("timelastused", Column::Fact),
    ("timepasswordchanged", Column::Fact),
];

/// Programs by titles that only their tables have together.
const PROGRAMS: &[(&str, &[&str])] = &[
    ("Bitwarden", &["login_uri", "login_username", "login_password"]),
    ("KeePassXC", &["Group", "Title", "Username", "Password", "URL"]),
    ("KeePass", &["Account", "Login Name", "Password", "Web Site"]),
    ("1Password", &["Title", "Url", "Username", "Password", "OTPAuth"]),
    ("LastPass", &["url", "username", "password", "extra", "grouping"]),
    ("Firefox", &["url", "username", "password", "httpRealm"]),
    ("Chrome", &["name", "url", "username", "password"]),
];

pub(super) fn read(text: &str) -> Result<Found, Mistake> {
    let mut rows = Rows::new(text);
    let titles = rows.next_row()?.map(|(_, titles)| titles).unwrap_or_default();
    let columns: Vec<Column> = titles.iter().map(|title| column(title)).collect();
    if !columns.contains(&Column::Password) {
        return Err(Mistake::new(
            "line 1",
            "no column is called Password: the first line must name the columns",
        )
        .hint("export the table with its titles, or write name,url,username,password,notes above it"));
    }
    let mut found = Found::default();
    let known = |(_, wanted): &&(&str, &[&str])| wanted.iter().all(|title| titles.iter().any(|t| t == title));
    found.told.push(match PROGRAMS.iter().find(known) {
        Some((program, _)) => format!("read as a table of {program}"),
        None => "read as a table, by the titles of its columns".to_owned(),
    });
    while let Some((line, cells)) = rows.next_row()? {
        // An empty line has one empty cell.
        if cells.iter().all(|cell| cell.is_empty()) {
            continue;
        }
        if cells.len() > columns.len() {
            let message = format!("{} cells, but {} columns", cells.len(), columns.len());
            return Err(Mistake::new(format!("line {line}"), message));
        }
        if found.items.len() >= MOST {
            return Err(Mistake::whole(format!("more than {MOST} rows")));
        }
        found.items.push(item(line, &titles, &columns, cells));
    }
    Ok(found)
}

fn column(title: &str) -> Column {
    let plain: String = title.chars().filter(|c| c.is_ascii_alphanumeric()).collect();
    let plain = plain.to_ascii_lowercase();
    TITLES.iter().find(|(known, _)| *known == plain).map_or(Column::Unknown, |(_, column)| *column)
}

fn item(line: usize, titles: &[String], columns: &[Column], cells: Vec<String>) -> Item {
    let mut item = Item::new(format!("line {line}"), "");
    let mut email = String::new();
    for ((title, column), cell) in titles.iter().zip(columns).zip(cells) {
        match column {
            Column::Name => item.name = cell.trim().to_owned(),
            // Bitwarden puts several into one cell.
            Column::Address => cell.split([',', '\n']).for_each(|address| item.address(address)),
            Column::Username => item.username(&cell),
            Column::Email => email = cell,
            Column::Password => item.password(Secret::new(cell)),
            Column::Totp => item.totp(Secret::new(cell)),
            Column::Notes => item.note(&cell),
            Column::Folder => item.folder = folder(&cell),
            Column::Tags => cell.split([',', ';']).for_each(|tag| item.tag(tag)),
            Column::Fields => fields(&mut item, &cell),
            Column::Archived if cell.eq_ignore_ascii_case("true") => item.tag("archived"),
            Column::Archived => {}
            Column::Fact => item.fact(title, Value::from(cell)),
            Column::Unknown => item.other(title, true, Secret::new(cell)),
        }
    }
    // Some tables have both; then the address for mail is one more value.
    if item.values.iter().any(|value| value.role == super::Role::Username) {
        item.other("email", false, Secret::new(email));
    } else {
        item.username(&email);
    }
    item
}

/// KeePassXC calls the group that all others lie in `Root`.
fn folder(text: &str) -> String {
    let text = text.trim().trim_matches('/');
    if text == "Root" { String::new() } else { text.strip_prefix("Root/").unwrap_or(text).to_owned() }
}

/// Bitwarden's own fields, a line each. What is no such line belongs to the value above it.
fn fields(item: &mut Item, cell: &str) {
    let mut read: Vec<(String, String)> = Vec::new();
    for line in cell.lines() {
        match (line.split_once(": "), read.last_mut()) {
            (Some((name, value)), _) => read.push((name.to_owned(), value.to_owned())),
            (None, Some((_, value))) => {
                value.push('\n');
                value.push_str(line);
            }
            (None, None) => read.push(("field".to_owned(), line.to_owned())),
        }
    }
    for (name, value) in read {
        item.other(&name, true, Secret::new(value));
    }
}

/// The rows of a table (RFC 4180; a semicolon or a tab may stand for the comma).
struct Rows<'a> {
    rest: &'a str,
    separator: char,
    line: usize,
}

impl<'a> Rows<'a> {
    fn new(text: &'a str) -> Self {
        let first = text.lines().next().unwrap_or_default();
        let separator = [',', ';', '\t'].into_iter().max_by_key(|c| (first.matches(*c).count(), *c == ','));
        Self { rest: text, separator: separator.unwrap_or(','), line: 1 }
    }

    /// The line that a row starts on, and its cells.
    fn next_row(&mut self) -> Result<Option<(usize, Vec<String>)>, Mistake> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let start = self.line;
        let mut cells = Vec::new();
        loop {
            let (cell, last) = self.cell()?;
            cells.push(cell);
            if last {
                return Ok(Some((start, cells)));
            }
        }
    }

    /// A cell, and whether it ends its row.
    fn cell(&mut self) -> Result<(String, bool), Mistake> {
        let mut cell = String::new();
        if let Some(quoted) = self.rest.strip_prefix('"') {
            let start = self.line;
            self.rest = quoted;
            loop {
                let Some(at) = self.rest.find('"') else {
                    let message = "a cell that starts with a quote here has none at its end";
                    return Err(Mistake::new(format!("line {start}"), message));
                };
                cell.push_str(&self.rest[..at]);
                self.line += self.rest[..at].matches('\n').count();
                self.rest = &self.rest[at + 1..];
                match self.rest.strip_prefix('"') {
                    Some(rest) => {
                        cell.push('"');
                        self.rest = rest;
                    }
                    None => break,
                }
            }
        } else {
            let end = self.rest.find([self.separator, '\n']).unwrap_or(self.rest.len());
            cell.push_str(self.rest[..end].trim_end_matches('\r'));
            self.rest = &self.rest[end..];
        }
        self.rest = self.rest.strip_prefix('\r').unwrap_or(self.rest);
        match self.rest.chars().next() {
            None => Ok((cell, true)),
            Some('\n') => {
                self.rest = &self.rest[1..];
                self.line += 1;
                Ok((cell, true))
            }
            Some(c) if c == self.separator => {
                self.rest = &self.rest[1..];
                Ok((cell, false))
            }
            Some(_) => {
                Err(Mistake::new(format!("line {}", self.line), "something stands behind the closing quote"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Vec<Vec<String>> {
        let mut rows = Rows::new(text);
        std::iter::from_fn(|| rows.next_row().unwrap().map(|(_, cells)| cells)).collect()
    }

    #[test]
    fn cells_are_read_by_the_letter() {
        assert_eq!(rows("a,b\r\n\"x,\"\"y\"\"\nz\",\r\n,"), [["a", "b"], ["x,\"y\"\nz", ""], ["", ""]]);
        assert_eq!(rows("a;b\n1,5;2"), [["a", "b"], ["1,5", "2"]]);
        assert_eq!(rows("a\tb\n1\t2\n"), [["a", "b"], ["1", "2"]]);
        assert!(rows("").is_empty());
    }

    #[test]
    fn mistakes_name_their_line() {
        let at = |text: &str| read(text).unwrap_err().to_string();
        assert!(at("a,b\n1,2").starts_with("line 1: no column is called Password"));
        assert!(at("").starts_with("line 1"));
        assert_eq!(
            at("name,password\nx,\"y\n\nz"),
            "line 2: a cell that starts with a quote here has none at its end"
        );
        assert_eq!(at("name,password\n\"a\nb\" c,d"), "line 3: something stands behind the closing quote");
        assert_eq!(at("name,password\na,b,c"), "line 2: 3 cells, but 2 columns");
    }

    #[test]
    fn columns_are_known_by_their_titles() {
        let text = "Account,Login Name,Password,Web Site,Comments,PIN\nrouter,admin,pw,http://192.0.2.1,back door,1234\n\n";
        let found = read(text).unwrap();
        assert_eq!(found.told, ["read as a table of KeePass"]);
        let item = &found.items[0];
        assert_eq!((item.name.as_str(), item.notes.as_str()), ("router", "back door"));
        assert_eq!(item.addresses, ["http://192.0.2.1"]);
        let pin = item.values.iter().find(|value| value.name == "PIN").unwrap();
        assert!(pin.secret && pin.text.expose() == "1234");
        assert_eq!(found.items.len(), 1);
    }

    #[test]
    fn own_fields_of_bitwarden_may_have_several_lines() {
        let mut item = Item::default();
        fields(&mut item, "PIN: 12\nkey: a\nb\nreal: c");
        let read: Vec<_> =
            item.values.iter().map(|value| (value.name.as_str(), value.text.expose())).collect();
        assert_eq!(read, [("PIN", "12"), ("key", "a\nb"), ("real", "c")]);
    }
}
