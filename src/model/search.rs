//! The query language of the list: words that must all be found, and terms such as `kind:api_key`.
//!
//! ```text
//! stripe prod            both words, in key, name, service or tags
//! status:error,expired   one of them          -tag:old       not that
//! service:"my service"   with a blank         key:billing.*  starts with
//! ```
//! Upper and lower case are the same. `is:` asks for what is so now: `is:failing`, `is:expiring`, `is:unused`.

use super::Status;
use crate::suggest::nearest;

/// What a query asks of a credential.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    terms: Vec<Term>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Term {
    wanted: bool,
    test: Test,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Test {
    /// Somewhere in key, name, service or a tag.
    Anywhere(String),
    /// One of the values, whole; with `*` at its end, the start of it.
    Field(Field, Vec<String>),
}

/// What a term can be about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// `key:`
    Key,
    /// `name:`
    Name,
    /// `kind:`
    Kind,
    /// `service:`
    Service,
    /// `status:`
    Status,
    /// `tag:`
    Tag,
    /// `solution:`
    Solution,
    /// `is:`, a flag such as `rotation_due`.
    Is,
}

impl Field {
    const ALL: [(&'static str, Self); 8] = [
        ("key", Self::Key),
        ("name", Self::Name),
        ("kind", Self::Kind),
        ("service", Self::Service),
        ("status", Self::Status),
        ("tag", Self::Tag),
        ("solution", Self::Solution),
        ("is", Self::Is),
    ];
}

/// What `is:` knows.
const FLAGS: [&str; 8] =
    ["unused", "expiring", "failing", "incomplete", "untested", "old", "rotation_due", "needs_attention"];

/// What a query looks at.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Its key.
    pub key: &'a str,
    /// Its label.
    pub name: &'a str,
    /// Its kind's id.
    pub kind: &'a str,
    /// Its service.
    pub service: &'a str,
    /// Its solution.
    pub solution: &'a str,
    /// Its status.
    pub status: Status,
    /// Its tags.
    pub tags: &'a [&'a str],
    /// Its flags.
    pub flags: &'a [&'static str],
    /// A later test could not decide: the status is an earlier verdict.
    pub old: bool,
    /// A program is known to have used it.
    pub used: bool,
}

impl Subject<'_> {
    /// The form that a query compares with: made once, compared often.
    pub fn folded(&self) -> Folded {
        Folded {
            key: self.key.to_lowercase(),
            name: self.name.to_lowercase(),
            kind: self.kind.to_lowercase(),
            service: self.service.to_lowercase(),
            solution: self.solution.to_lowercase(),
            status: self.status,
            tags: self.tags.iter().map(|tag| tag.to_lowercase()).collect(),
            flags: FLAGS.iter().copied().filter(|flag| self.has(flag)).collect(),
        }
    }

    fn has(&self, flag: &str) -> bool {
        match flag {
            "unused" => !self.used,
            "expiring" => self.status == Status::Expiring,
            "failing" => self.status.is_failing(),
            "incomplete" => self.status == Status::Incomplete,
            "untested" => self.status == Status::Untested,
            "old" => self.old,
            other => self.flags.contains(&other),
        }
    }
}

/// A [`Subject`] in lower case.
#[derive(Clone, Debug)]
pub struct Folded {
    key: String,
    name: String,
    kind: String,
    service: String,
    solution: String,
    status: Status,
    tags: Vec<String>,
    flags: Vec<&'static str>,
}

/// A query that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}, at character {column} of the query")]
pub struct QueryError {
    /// Counted from 1, in characters.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub hint: String,
}

impl Query {
    /// Reads a query. Nothing, or only blanks, finds everything.
    ///
    /// # Errors
    /// An unknown field or status, a quote that is not closed.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        let mut query = Self::default();
        for token in tokens(text)? {
            query.terms.push(token.term()?);
        }
        Ok(query)
    }

    /// Adds a demand on one field.
    ///
    /// # Errors
    /// An unknown status or flag.
    pub fn with(mut self, field: Field, value: &str) -> Result<Self, QueryError> {
        let values = vec![value.to_lowercase()];
        known(field, &values, 1)?;
        self.terms.push(Term { wanted: true, test: Test::Field(field, values) });
        Ok(self)
    }

    /// Whether it asks for nothing.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Whether it speaks of solutions, and so looks beyond the current one.
    pub fn names_solution(&self) -> bool {
        self.terms.iter().any(|term| matches!(term.test, Test::Field(Field::Solution, _)))
    }

    /// Whether a credential is what it asks for.
    pub fn matches(&self, subject: &Folded) -> bool {
        self.terms.iter().all(|term| term.test.holds(subject) == term.wanted)
    }
}

impl Test {
    fn holds(&self, subject: &Folded) -> bool {
        match self {
            Self::Anywhere(word) => {
                let places = [&subject.key, &subject.name, &subject.service];
                places.into_iter().chain(&subject.tags).any(|text| text.contains(word))
            }
            Self::Field(field, values) => values.iter().any(|value| match field {
                Field::Key => is(&subject.key, value),
                Field::Name => is(&subject.name, value),
                Field::Kind => is(&subject.kind, value),
                Field::Service => is(&subject.service, value),
                Field::Status => is(subject.status.word(), value),
                Field::Tag => subject.tags.iter().any(|tag| is(tag, value)),
                Field::Solution => is(&subject.solution, value),
                Field::Is => subject.flags.iter().any(|flag| is(flag, value)),
            }),
        }
    }
}

/// Both are in lower case.
fn is(text: &str, value: &str) -> bool {
    match value.strip_suffix('*') {
        Some(start) => text.starts_with(start),
        None => text == value,
    }
}

/// Refuses a status or a flag that does not exist: it would find nothing without a word.
fn known(field: Field, values: &[String], column: usize) -> Result<(), QueryError> {
    let (what, words): (_, Vec<&str>) = match field {
        Field::Status => ("status", Status::ALL.iter().map(|status| status.word()).collect()),
        Field::Is => ("flag", FLAGS.to_vec()),
        _ => return Ok(()),
    };
    for value in values {
        let start = value.strip_suffix('*');
        if words.iter().any(|word| *word == value || start.is_some_and(|start| word.starts_with(start))) {
            continue;
        }
        let hint = match nearest(value, words.iter().copied()) {
            Some(meant) => format!("did you mean {meant}?"),
            None => format!("there is: {}", words.join(", ")),
        };
        return Err(QueryError { column, message: format!("there is no {what} {value:?}"), hint });
    }
    Ok(())
}

/// A part of the query between blanks.
struct Token {
    column: usize,
    wanted: bool,
    /// The name before the first colon outside of quotes.
    field: Option<String>,
    /// What follows, without quotes, split at commas outside of quotes where there is a field.
    values: Vec<String>,
}

impl Token {
    fn term(self) -> Result<Term, QueryError> {
        let Some(name) = self.field else {
            let word = self.values.concat().to_lowercase();
            return Ok(Term { wanted: self.wanted, test: Test::Anywhere(word) });
        };
        let names = Field::ALL.iter().map(|(name, _)| *name);
        let Some((_, field)) = Field::ALL.iter().find(|(known, _)| *known == name) else {
            let hint = match nearest(&name, names.clone()) {
                Some(meant) => format!("did you mean {meant}:?"),
                None => format!(
                    "fields: {}; to look for the text itself, put it in quotes",
                    names.collect::<Vec<_>>().join(", ")
                ),
            };
            return Err(QueryError {
                column: self.column,
                message: format!("there is no field {name:?}"),
                hint,
            });
        };
        if self.values.iter().all(String::is_empty) {
            return Err(QueryError {
                column: self.column,
                message: format!("{name}: has no value"),
                hint: format!("write the value right after the colon, such as {name}:word"),
            });
        }
        let values: Vec<String> = self.values.iter().map(|value| value.to_lowercase()).collect();
        known(*field, &values, self.column)?;
        Ok(Term { wanted: self.wanted, test: Test::Field(*field, values) })
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, QueryError> {
    let mut tokens = Vec::new();
    let mut chars = text.chars().enumerate().peekable();
    while let Some(&(start, c)) = chars.peek() {
        if c.is_whitespace() {
            chars.next();
            continue;
        }
        let mut token = Token { column: start + 1, wanted: true, field: None, values: vec![String::new()] };
        let mut quoted_any = false;
        if c == '-' {
            chars.next();
            token.wanted = false;
        }
        let mut quote = None;
        while let Some(&(at, c)) = chars.peek() {
            let value = token.values.last_mut();
            match c {
                '"' if quote.is_some() => quote = None,
                '"' => (quote, quoted_any) = (Some(at), true),
                _ if quote.is_none() && c.is_whitespace() => break,
                ':' if quote.is_none() && token.field.is_none() && !quoted_any => {
                    token.field = Some(token.values.concat().to_lowercase());
                    token.values = vec![String::new()];
                }
                ',' if quote.is_none() && token.field.is_some() => token.values.push(String::new()),
                _ => {
                    if let Some(value) = value {
                        value.push(c);
                    }
                }
            }
            chars.next();
        }
        if let Some(at) = quote {
            return Err(QueryError {
                column: at + 1,
                message: "a quote is not closed".to_owned(),
                hint: "add a \" where the text ends".to_owned(),
            });
        }
        // A lone `-` asks for nothing yet: the next key will say more.
        if token.field.is_some() || !token.values.concat().is_empty() {
            tokens.push(token);
        }
    }
    Ok(tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finds(query: &str) -> bool {
        let subject = Subject {
            key: "billing.stripe.secret",
            name: "Stripe, live account",
            kind: "api_key",
            service: "My Service",
            solution: "default",
            status: Status::Error,
            tags: &["prod", "Payments"],
            flags: &["rotation_due"],
            old: true,
            used: true,
        };
        Query::parse(query).unwrap_or_else(|error| panic!("{query}: {error}")).matches(&subject.folded())
    }

    #[test]
    fn words_and_terms() {
        for query in [
            "",
            "  ",
            "STRIPE",
            "stripe live",
            "pay",
            "-nothing",
            "-",
            "status:error",
            "status:active,error",
            "status:err*",
            "kind:API_KEY",
            "service:\"my service\"",
            "service:my*",
            "tag:prod -tag:old",
            "solution:default is:rotation_due",
            "is:failing is:old",
            "is:expiring,failing -is:unused",
            "\"stripe, live\"",
            "key:billing.*",
        ] {
            assert!(finds(query), "{query}");
        }
        for query in [
            "nothing",
            "stripe nothing",
            "-stripe",
            "status:active",
            "-status:error",
            "kind:api",
            "tag:pro",
            "tag:old",
            "solution:other",
            "\"live stripe\"",
            "is:needs_attention",
            "is:unused",
            "-is:failing",
            "is:expiring,incomplete,untested",
        ] {
            assert!(!finds(query), "{query}");
        }
    }

    #[test]
    fn every_flag_finds_what_it_says_and_nothing_else() {
        let base = Subject {
            key: "k",
            name: "",
            kind: "secret",
            service: "",
            solution: "default",
            status: Status::Active,
            tags: &[],
            flags: &[],
            old: false,
            used: true,
        };
        let cases: [(&str, Subject<'_>); 9] = [
            ("unused", Subject { used: false, ..base }),
            ("expiring", Subject { status: Status::Expiring, ..base }),
            ("failing", Subject { status: Status::Error, ..base }),
            ("failing", Subject { status: Status::Expired, ..base }),
            ("incomplete", Subject { status: Status::Incomplete, ..base }),
            ("untested", Subject { status: Status::Untested, ..base }),
            ("old", Subject { old: true, ..base }),
            ("rotation_due", Subject { flags: &["rotation_due"], ..base }),
            ("needs_attention", Subject { flags: &["needs_attention"], ..base }),
        ];
        for (word, subject) in cases {
            for flag in FLAGS {
                let query = Query::parse(&format!("is:{flag}")).unwrap();
                assert_eq!(query.matches(&subject.folded()), flag == word, "{flag} on {word}");
                assert!(!query.matches(&base.folded()), "{flag}");
            }
        }
    }

    #[test]
    fn what_cannot_be_understood_is_told() {
        for (query, message) in [
            (
                "a statsu:error",
                "there is no field \"statsu\", at character 3 of the query · did you mean status:?",
            ),
            ("status:eror", "there is no status \"eror\", at character 1 of the query · did you mean error?"),
            ("é \"x", "a quote is not closed, at character 3 of the query · add a \" where the text ends"),
            (
                "is:lovely",
                "there is no flag \"lovely\", at character 1 of the query · there is: unused, expiring, failing, incomplete, untested, old, rotation_due, needs_attention",
            ),
            ("is:unusd", "there is no flag \"unusd\", at character 1 of the query · did you mean unused?"),
            (
                "tag:",
                "tag: has no value, at character 1 of the query · write the value right after the colon, such as tag:word",
            ),
        ] {
            let error = Query::parse(query).unwrap_err();
            assert_eq!(format!("{error} · {}", error.hint), message);
        }
        assert!(Query::parse("https://x.example").is_err());
        assert!(Query::parse("\"https://x.example\"").is_ok());
    }
}
