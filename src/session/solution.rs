//! Solutions: their names, and the edits that move, remove and restore what lives in them.

use serde_json::Value;

use crate::model::{Credential, DEFAULT_SOLUTION, Document, Edit, Removed, Solution, pointer};
use crate::problem::{Exit, Problem};

/// Checks the name of a solution that is to be made.
///
/// # Errors
/// Exit 2.
pub fn check_solution_name(name: &str) -> Result<(), Problem> {
    // A reference names the solution before a slash: `cred://SOLUTION/KEY`.
    let fine = !name.trim().is_empty()
        && name.trim() == name
        && name.chars().count() <= 200
        && !name.chars().any(|c| c.is_control() || matches!(c, '/' | '#'));
    if fine {
        return Ok(());
    }
    Err(Problem::new(
        Exit::Usage,
        "solution_name",
        "the name of a solution has 1 to 200 characters, without blanks around it, '/', '#' and control characters",
    ))
}

/// The edit that moves a credential to another solution: a version of its own, so that whoever has the older one
/// open is told.
///
/// # Errors
/// Exit 4 where there is no such solution, 5 where the credential is there already.
pub fn moved(document: &Document, credential: &Credential, to: &str) -> Result<Edit, Problem> {
    if !document.has_solution(to) {
        return Err(super::not_found(document, to, ""));
    }
    let key = credential.content.key();
    if credential.content.solution() == to {
        return Err(Problem::new(Exit::Refused, "same_solution", format!("{key} is in {to} already")));
    }
    let mut content = credential.content.clone();
    content.set("/solution", Value::String(to.to_owned()));
    let base = Some(Box::new(credential.content.clone()));
    Ok(Edit::Update { id: credential.id.clone(), base, content })
}

/// The credentials of a solution.
pub fn residents<'a>(document: &'a Document, solution: &'a str) -> impl Iterator<Item = &'a Credential> {
    document.credentials.iter().filter(move |credential| credential.content.solution() == solution)
}

/// The edit that moves a credential to the trash, as long as it says what it says now.
pub fn removal(credential: &Credential) -> Edit {
    Edit::Remove { id: credential.id.clone(), base: Box::new(credential.content.clone()) }
}

/// The edits that remove a solution: its credentials go to the trash.
///
/// # Errors
/// Exit 4 where there is no such solution, 5 for the one that is always there.
pub fn solution_removal(document: &Document, name: &str) -> Result<Vec<Edit>, Problem> {
    if !document.has_solution(name) {
        return Err(super::not_found(document, name, ""));
    }
    if name == DEFAULT_SOLUTION {
        return Err(Problem::new(
            Exit::Refused,
            "solution_stays",
            format!("the solution {name} is always there"),
        )
        .hint("remove its credentials instead"));
    }
    let removals = residents(document, name).map(removal);
    Ok(removals.chain([Edit::RemoveSolution { name: name.to_owned() }]).collect())
}

/// The edits that take a credential back from the trash: with its solution, where that is gone.
pub fn restoration(document: &Document, removed: &Removed) -> Vec<Edit> {
    let solution = removed.credential.content.solution();
    let add =
        (!document.has_solution(solution)).then(|| Edit::AddSolution { solution: Solution::named(solution) });
    add.into_iter().chain([Edit::Restore { id: removed.credential.id.clone() }]).collect()
}

/// Texts of credentials that refer to a solution by name (`cred://SOLUTION/…`): `solution/key pointer`.
pub fn references_to(document: &Document, solution: &str) -> Vec<String> {
    let sought = format!("cred://{solution}/");
    let mut found = Vec::new();
    for credential in &document.credentials {
        let content = &credential.content;
        for (name, value) in &content.document {
            pointer::walk(&pointer::join("", name), value, &mut |place, value| {
                if value.as_str().is_some_and(|text| text.contains(&sought)) {
                    found.push(format!("{}/{} at {place}", content.solution(), content.key()));
                }
            });
        }
    }
    found
}
