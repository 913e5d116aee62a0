//! The reference of the API: what the proto and the recipes of docs/grpcurl.md say, and what
//! the sandbox answers, is what docs/reference and the table of docs/migration.md show.

mod answers;
mod api;
mod checks;
mod errors;
mod examples;
mod json;
mod links;
mod messages;
mod migration;
mod options;
mod page;
mod patience;
mod placeholders;
mod player;
mod recipes;
mod services;
mod shell;
mod types;
mod upstream;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use api::Api;
use examples::{EXAMPLES, Examples};

/// The command that writes the reference anew.
const REFRESH: &str = "PRONTO_GRPC_REFRESH=1 cargo test --test it reference";

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")
}

/// Every page by its path below docs/.
fn pages(api: &Api, examples: &Examples) -> BTreeMap<String, String> {
    let mut pages: BTreeMap<_, _> = api
        .files()
        .map(|file| {
            let name = format!("reference/{}", api::page_name(&file));
            (name, page::page(api, examples, &file))
        })
        .collect();
    pages.insert("reference/README.md".to_owned(), page::index(api));
    pages
}

fn written_pages() -> BTreeSet<String> {
    let folder = std::fs::read_dir(docs().join("reference"));
    let files = folder.into_iter().flatten().map(|file| file.unwrap());
    files
        .map(|file| format!("reference/{}", file.file_name().to_string_lossy()))
        .collect()
}

/// Writes a document where that is asked for, and tells whether it is there as it should be.
fn is_written(name: &str, text: &str) -> bool {
    let path = docs().join(name);
    if std::env::var_os("PRONTO_GRPC_REFRESH").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
    }
    std::fs::read_to_string(&path).unwrap_or_default() == text
}

#[test]
fn the_reference_is_what_proto_and_recipes_say() {
    let api = Api::read();
    let pages = pages(&api, &EXAMPLES);
    for (name, text) in &pages {
        assert!(is_written(name, text), "refresh docs/{name}: {REFRESH}");
    }
    let superfluous: Vec<_> = written_pages()
        .into_iter()
        .filter(|name| !pages.contains_key(name))
        .collect();
    assert!(superfluous.is_empty(), "remove {superfluous:?} of docs/");
}

#[test]
fn the_table_of_the_migration_is_what_the_options_say() {
    let name = "migration.md";
    let written = std::fs::read_to_string(docs().join(name)).unwrap();
    let text = migration::with_table(&written, &Api::read());
    assert!(is_written(name, &text), "refresh docs/{name}: {REFRESH}");
}

#[test]
fn no_two_headings_of_a_page_are_alike() {
    let api = Api::read();
    for (name, text) in pages(&api, &EXAMPLES) {
        let mut seen = BTreeSet::new();
        for heading in text.lines().filter(|line| line.starts_with('#')) {
            let anchor = heading.trim_start_matches(['#', ' ']).to_lowercase();
            assert!(seen.insert(anchor), "{name}: {heading}");
        }
    }
}
