//! What a file of another program would change: which credentials are new, which say something else now, which are
//! there already. One save, all or nothing.
//!
//! What is stored is changed only where it is plainly the same credential: its key, its kind and everything that is
//! no secret. Two accounts at one site never become one.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};

use serde_json::{Value, json};

use super::change;
use super::solution::check_solution_name;
use crate::import::shape::{Shaped, shape};
use crate::import::{Found, Item, Recogniser, key};
use crate::model::{Content, Credential, Document, Edit, Id, Solution};
use crate::problem::Problem;
use crate::schema::Kinds;
use crate::secret::Secret;

/// How a file is imported.
#[derive(Clone, Copy, Debug)]
pub struct ImportOptions<'a> {
    /// The solution that credentials go to where nothing else is said.
    pub solution: &'a str,
    /// The word of the format: it stays with what is imported.
    pub from: &'a str,
    /// A solution is made of each folder; else folders become tags.
    pub solutions_of_folders: bool,
    /// What is stored stays as it is.
    pub keep: bool,
}

/// What becomes of one entry of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It becomes a credential.
    New,
    /// A credential that is stored says what it says.
    Changed,
    /// It is stored already.
    Duplicate,
    /// It is left out.
    Skipped,
}

impl Fate {
    /// The word of tables and JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Changed => "changed",
            Self::Duplicate => "duplicate",
            Self::Skipped => "skipped",
        }
    }
}

/// One entry of a file, and what becomes of it.
#[derive(Clone, Debug)]
pub struct ImportRow {
    /// Where it stands in the file.
    pub place: String,
    /// What the file calls it.
    pub name: String,
    /// The solution it goes to.
    pub solution: String,
    /// The key it gets, or has; empty: none.
    pub key: String,
    /// Its kind; empty: none.
    pub kind: String,
    /// Its service; empty: none.
    pub service: String,
    /// What becomes of it.
    pub fate: Fate,
    /// Why, and what is worth knowing.
    pub told: Vec<String>,
}

/// What a file would change.
#[derive(Clone, Debug, Default)]
pub struct Import {
    /// Every entry, in the file's order.
    pub rows: Vec<ImportRow>,
    /// What stores it.
    pub edits: Vec<Edit>,
}

impl Import {
    /// How many entries have this fate.
    pub fn count(&self, fate: Fate) -> usize {
        self.rows.iter().filter(|row| row.fate == fate).count()
    }
}

/// Plans the import of what was found in a file.
///
/// # Errors
/// Exit 4 where the solution does not exist.
pub fn import(
    document: &Document,
    kinds: &Kinds,
    found: &Found,
    options: &ImportOptions<'_>,
) -> Result<Import, Problem> {
    if !document.has_solution(options.solution) {
        return Err(super::not_found(document, options.solution, ""));
    }
    let mut planner = Planner::new(document, kinds, options);
    for item in &found.items {
        planner.item(item);
    }
    Ok(planner.done)
}

/// Plans the import of credential documents, as `put` takes them. Solutions that they name are made.
///
/// # Errors
/// As [`change::changes`].
pub fn import_documents(
    document: &Document,
    kinds: &Kinds,
    text: &str,
    options: &ImportOptions<'_>,
    from: &str,
) -> Result<Import, Problem> {
    let mut done = Import::default();
    let mut with_solutions = document.clone();
    for name in solutions_named(text) {
        if !with_solutions.has_solution(&name) {
            check_solution_name(&name)?;
            with_solutions.solutions.push(Solution::named(&name));
            done.edits.push(Edit::AddSolution { solution: Solution::named(&name) });
        }
    }
    let changes = change::changes(&with_solutions, kinds, text, options.solution, from)?;
    for (number, change) in changes.into_iter().enumerate() {
        let (fate, why) = match change.base {
            None => (Fate::New, None),
            Some(_) if !change.differs => (Fate::Duplicate, Some("is stored already")),
            Some(_) if options.keep => (Fate::Skipped, Some("the key is taken; what is stored stays")),
            Some(_) => (Fate::Changed, None),
        };
        let mut row = row_of(&change.content, fate, format!("document {}", number + 1));
        row.told.extend(why.map(str::to_owned));
        row.told.extend(change.notices.iter().map(|notice| notice.message.clone()));
        done.rows.push(row);
        if matches!(fate, Fate::New | Fate::Changed) {
            done.edits.extend(change.edits(None));
        }
    }
    Ok(done)
}

/// The solutions that documents name.
fn solutions_named(text: &str) -> BTreeSet<String> {
    let items = match serde_json::from_str::<Value>(text) {
        Ok(Value::Array(items)) => items,
        Ok(item) => vec![item],
        Err(_) => Vec::new(),
    };
    let named = items.iter().filter_map(|item| item.get("solution")?.as_str());
    named.map(str::to_owned).collect()
}

pub(super) fn row_of(content: &Content, fate: Fate, place: String) -> ImportRow {
    ImportRow {
        place,
        name: content.name().to_owned(),
        solution: content.solution().to_owned(),
        key: content.key().to_owned(),
        kind: content.kind().to_owned(),
        service: content.service().to_owned(),
        fate,
        told: Vec::new(),
    }
}

/// A secret that is known, and whose it is.
struct Known {
    secret: Secret,
    whose: String,
}

struct Planner<'a> {
    kinds: &'a Kinds,
    options: &'a ImportOptions<'a>,
    recogniser: Recogniser,
    /// Solutions that are there or will be.
    solutions: HashSet<String>,
    /// Keys that are taken, by solution.
    taken: HashMap<String, HashSet<String>>,
    /// Credentials by solution and key.
    stored: HashMap<(&'a str, &'a str), &'a Credential>,
    /// Stored credentials that an entry of this file is.
    claimed: HashSet<Id>,
    /// What entries of this file became, by solution and wanted key.
    made: HashMap<(String, String), Vec<(String, Content)>>,
    /// Secrets by their hash.
    secrets: HashMap<u64, Vec<Known>>,
    hasher: RandomState,
    done: Import,
}

impl<'a> Planner<'a> {
    fn new(document: &'a Document, kinds: &'a Kinds, options: &'a ImportOptions<'a>) -> Self {
        let mut planner = Self {
            kinds,
            options,
            recogniser: Recogniser::new(kinds.catalogue()),
            solutions: document.solutions.iter().map(|solution| solution.name.clone()).collect(),
            taken: HashMap::new(),
            stored: document.by_place(),
            claimed: HashSet::new(),
            made: HashMap::new(),
            secrets: HashMap::new(),
            hasher: RandomState::new(),
            done: Import::default(),
        };
        for credential in &document.credentials {
            planner.take(&credential.content);
        }
        planner
    }

    /// Notes that a key is taken and whose the secret is.
    fn take(&mut self, content: &Content) {
        let keys = self.taken.entry(content.solution().to_owned()).or_default();
        keys.insert(content.key().to_owned());
        if let Some(secret) = self.main(content) {
            let whose = format!("{}/{}", content.solution(), content.key());
            let hash = self.hasher.hash_one(secret.expose());
            self.secrets.entry(hash).or_default().push(Known { secret, whose });
        }
    }

    /// The secret that a credential is kept for.
    fn main(&self, content: &Content) -> Option<Secret> {
        let place = self.kinds.of_content(content).and_then(|kind| kind.main_secret(content));
        let first = || content.secrets.keys().next().cloned();
        content.secret(&place.or_else(first)?).cloned()
    }

    /// Whose secret the content's is, if it is somebody's.
    fn same_secret(&self, content: &Content) -> Option<String> {
        let secret = self.main(content)?;
        let known = self.secrets.get(&self.hasher.hash_one(secret.expose()))?;
        known.iter().find(|known| known.secret == secret).map(|known| known.whose.clone())
    }

    fn item(&mut self, item: &Item) {
        let folder = Some(solution_of(&item.folder))
            .filter(|name| self.options.solutions_of_folders && check_solution_name(name).is_ok());
        let solution = folder.unwrap_or_else(|| self.options.solution.to_owned());
        let shaped = shape(item, self.kinds, &self.recogniser, &solution, self.options.from);
        let mut row = ImportRow {
            place: item.place.clone(),
            name: item.name.clone(),
            solution: solution.clone(),
            key: String::new(),
            kind: String::new(),
            service: String::new(),
            fate: Fate::Skipped,
            told: item.told.clone(),
        };
        let Shaped { mut content, looks_like } = match shaped {
            Ok(shaped) => shaped,
            Err(why) => {
                row.told.insert(0, why);
                return self.done.rows.push(row);
            }
        };
        row.told.extend(looks_like.map(|service| format!("looks like a key of {service}")));
        let wanted = wanted_key(item);
        content.set(Content::KEY, json!(wanted));
        row.kind = content.kind().to_owned();
        row.service = content.service().to_owned();
        match self.place(&content) {
            Place::Same(key) => {
                row.key = key;
                row.fate = Fate::Duplicate;
                row.told.insert(0, "is stored already".to_owned());
            }
            Place::Twice(key) => {
                row.key = key;
                row.fate = Fate::Duplicate;
                row.told.insert(0, "stands in the file twice".to_owned());
            }
            Place::Over(credential) if self.options.keep => {
                row.key = credential.content.key().to_owned();
                row.told.insert(0, "the key is taken; what is stored stays".to_owned());
            }
            Place::Over(credential) => {
                row.key = credential.content.key().to_owned();
                row.fate = Fate::Changed;
                self.claimed.insert(credential.id.clone());
                let content = laid_over(&credential.content, &content);
                let (id, base) = (credential.id.clone(), Some(Box::new(credential.content.clone())));
                self.done.edits.push(Edit::Update { id, base, content });
            }
            Place::Free => {
                let keys = self.taken.entry(solution.clone()).or_default();
                let unique = key::unique(&wanted, keys);
                if unique != wanted {
                    row.told.insert(0, format!("{wanted} is another credential"));
                }
                content.set(Content::KEY, json!(unique));
                if let Some(whose) = self.same_secret(&content) {
                    row.told.push(format!("has the same secret as {whose}"));
                }
                if self.solutions.insert(solution.clone()) {
                    let solution = Solution::named(&solution);
                    self.done.edits.push(Edit::AddSolution { solution });
                }
                self.take(&content);
                self.made.entry((solution, wanted)).or_default().push((unique.clone(), content.clone()));
                self.done.edits.push(Edit::Create { id: Id::new(), content });
                row.key = unique;
                row.fate = Fate::New;
            }
        }
        self.done.rows.push(row);
    }

    /// Where an entry belongs.
    fn place(&self, content: &Content) -> Place<'a> {
        let (solution, wanted) = (content.solution(), content.key());
        let made = self.made.get(&(solution.to_owned(), wanted.to_owned()));
        for (key, earlier) in made.into_iter().flatten() {
            let mut same = content.clone();
            same.set(Content::KEY, json!(key));
            if same == *earlier {
                return Place::Twice(key.clone());
            }
        }
        // Those that an earlier import gave a number, too.
        let numbered = (2..).map(|number| format!("{wanted}-{number}"));
        let mut over = None;
        for key in std::iter::once(wanted.to_owned()).chain(numbered) {
            let Some(credential) = self.stored.get(&(solution, key.as_str())) else { break };
            if self.claimed.contains(&credential.id) {
                continue;
            }
            let same = says_the_same(&credential.content, content);
            if has_all(&credential.content, content)
                && (same || was_made_another(&credential.content, content))
            {
                return Place::Same(key);
            }
            if over.is_none() && same {
                over = Some(*credential);
            }
        }
        over.map_or(Place::Free, Place::Over)
    }
}

/// Where an entry belongs.
enum Place<'a> {
    /// Nowhere: this credential has it all.
    Same(String),
    /// Nowhere: an entry above it is the same.
    Twice(String),
    /// Over this credential.
    Over(&'a Credential),
    /// At a key of its own.
    Free,
}

/// The key that an entry asks for: its own, or one made of its name, else of where it is used.
fn wanted_key(item: &Item) -> String {
    let host = || {
        let url = item.addresses.iter().find_map(|address| url::Url::parse(address).ok());
        url.and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default()
    };
    let own = item.key.clone().filter(|own| key::is_one(own));
    let made = [own.unwrap_or_else(|| key::of(&item.name)), key::of(&host()), "imported".to_owned()];
    made.into_iter().find(|key| !key.is_empty()).unwrap_or_default()
}

/// A folder as the name of a solution, in which no slash can stand.
fn solution_of(folder: &str) -> String {
    let plain = folder.replace(['/', '#'], "-").replace(|c: char| c.is_control(), " ");
    plain.trim().chars().take(200).collect::<String>().trim().to_owned()
}

/// Whether a credential has every secret that an entry has, whatever it calls them.
fn has_all(stored: &Content, content: &Content) -> bool {
    let known = |secret: &Secret| stored.secrets.values().any(|stored| stored == secret);
    let current = content.secrets.iter().filter(|(place, _)| place.starts_with("/config/"));
    current.map(|(_, secret)| secret).all(known)
}

/// Whether a stored credential is what an entry became when somebody gave it another kind since.
fn was_made_another(stored: &Content, content: &Content) -> bool {
    const USERNAME: &str = "/config/username";
    stored.kind() != content.kind() && stored.get_str(USERNAME) == content.get_str(USERNAME)
}

/// Whether two contents are of one kind and say the same in everything of `config` that is no secret.
fn says_the_same(stored: &Content, content: &Content) -> bool {
    fn plain(content: &Content) -> BTreeMap<String, Value> {
        let mut found = BTreeMap::new();
        if let Some(config) = content.document.get("config") {
            crate::model::pointer::walk("/config", config, &mut |place, value| {
                let leaf = !value.is_object() && !value.is_array();
                if leaf && !content.secrets.keys().any(|secret| place.starts_with(secret.as_str())) {
                    found.insert(place.to_owned(), value.clone());
                }
            });
        }
        found
    }
    stored.kind() == content.kind() && stored.service() == content.service() && {
        let stored = plain(stored);
        plain(content).iter().all(|(place, value)| stored.get(place) == Some(value))
    }
}

/// A stored content with an entry laid over it: its secrets, its tags, and what the stored one says nothing of.
fn laid_over(stored: &Content, content: &Content) -> Content {
    let mut over = stored.clone();
    for (place, secret) in &content.secrets {
        over.set_secret(place, secret.clone());
    }
    let mut tags: Vec<&str> = stored.tags();
    tags.extend(content.tags().into_iter().filter(|tag| !stored.tags().contains(tag)));
    if !tags.is_empty() {
        over.set("/tags", json!(tags));
    }
    for (name, value) in &content.document {
        if !over.document.contains_key(name) {
            over.set(&crate::model::pointer::join("", name), value.clone());
        }
    }
    // What was just set by its whole object lost its secrets again.
    for (place, secret) in &content.secrets {
        over.set_secret(place, secret.clone());
    }
    over
}

#[cfg(test)]
mod tests;
