//! `docs/SERVICES.md`: the catalogue in Markdown, made from its files.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::{Catalogue, Variant};

const OPENING: &str = "# Services

Made from the files in `assets/services/` by the tests: edit those, not this file. How to add one is told in
[ADDING_A_SERVICE.md](ADDING_A_SERVICE.md).

A test is a read-only request. `credbench services --show ID` tells everything that is known of one service: where its
key is made, its fields, its traps. Who says what a refused credential looks like is the *basis*: the vendor, a
protocol's specification, or whoever looked at the answers (`editor`, `trufflehog`); `default` is nobody: then only a
401 is read as a refusal.
";

impl Catalogue {
    /// The page about all services, in Markdown.
    pub fn reference(&self) -> String {
        let all = self.all();
        let mut bases: BTreeMap<&str, usize> = BTreeMap::new();
        let mut with_test = 0;
        for service in &all {
            if service.main().is_some_and(|main| main.proof().is_some()) {
                with_test += 1;
                let basis = service.variants.iter().find_map(Variant::basis);
                *bases.entry(basis.unwrap_or("default")).or_default() += 1;
            }
        }
        let ways: usize = all.iter().map(|service| service.variants.len()).sum();
        let declared = with_test - bases.get("default").copied().unwrap_or(0);
        let mut page = OPENING.to_owned();
        // Writing to a String cannot fail.
        let _ = write!(
            page,
            "\n{} services with {ways} ways in; {with_test} have a test, and {declared} of them say what a refusal looks \
             like.\n\n| basis | services |\n| --- | --- |\n",
            all.len()
        );
        for (basis, count) in &bases {
            let _ = writeln!(page, "| {basis} | {count} |");
        }
        let makes: Vec<&str> = all
            .iter()
            .filter(|service| service.variants.iter().any(|variant| variant.rotation.is_some()))
            .map(|service| service.name.as_str())
            .collect();
        let _ = write!(
            page,
            "\nThe next key is made by the service itself (`rotate KEY --make`, [ROTATION.md](ROTATION.md)), besides AWS, at {}.\n",
            makes.join(", ")
        );
        let mut categories: BTreeMap<&str, Vec<_>> = BTreeMap::new();
        for service in &all {
            categories.entry(&service.category).or_default().push(service);
        }
        for (category, services) in categories {
            let _ = write!(
                page,
                "\n## {category}\n\n| service | id | ways in | test |\n| --- | --- | --- | --- |\n"
            );
            for service in services {
                let ways: Vec<String> = service
                    .variants
                    .iter()
                    .map(|variant| format!("{} ({})", variant.title, variant.kind))
                    .collect();
                let name = match &service.docs {
                    Some(docs) => format!("[{}]({docs})", service.name),
                    None => service.name.clone(),
                };
                let test = service.main().map(shown).unwrap_or_default();
                let line = [name, format!("`{}`", service.id), ways.join(", "), test];
                let line: Vec<String> =
                    line.iter().map(|cell| cell.replace('|', "\\|").replace('\n', " ")).collect();
                let _ = writeln!(page, "| {} |", line.join(" | "));
            }
        }
        page
    }
}

fn shown(variant: &Variant) -> String {
    match (variant.proof(), &variant.not_testable) {
        (Some((method, address)), _) => format!("`{method} {address}`"),
        (None, Some(reason)) => format!("none: {reason}"),
        (None, None) => String::new(),
    }
}
