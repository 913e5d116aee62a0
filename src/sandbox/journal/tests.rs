//! What a file comes to, and what happens where it cannot be written.

use prost_types::Timestamp;
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

use super::*;
use crate::proto::endpoint::endpoints;
use crate::proto::json::Object;

fn beginning() -> Beginning {
    Beginning {
        format: FORMAT,
        world: WorldName {
            seed: 1,
            companies: 1,
            people: 1,
        },
        settings: Object::new(),
    }
}

/// A file that may shrink and not grow, as on a full disk.
fn full(text: &[u8]) -> File {
    let file = memfd_create("full", MemfdFlags::ALLOW_SEALING).expect("memory");
    let mut file = File::from(file);
    file.write_all(text).expect("written");
    fcntl_add_seals(&file, SealFlags::GROW).expect("sealed");
    file
}

#[test]
fn a_file_that_cannot_be_written_is_emptied_and_tried_again_after_a_reset() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("sandbox.jsonl");
    let (journal, _) = Journal::open(&path, beginning()).expect("a file");
    let page = &journal.0.as_ref().expect("a writer").page;
    let before = std::fs::read(&path).expect("a file");
    let writable = std::mem::replace(&mut page.lock().file, full(&before));
    journal.note(|| Entry::Turn(1));
    assert_eq!(page.lock().file.metadata().expect("a file").len(), 0);

    page.lock().file = writable;
    journal.note(|| Entry::Turn(2));
    assert_eq!(std::fs::read(&path).expect("a file"), before);
    journal.reset();
    journal.note(|| Entry::Turn(3));
    let (_, past) = Journal::open(&path, beginning()).expect("a file");
    assert_eq!(past.turn, 3);
}

fn billed(id: &str, at: Timestamp) -> Entry {
    Entry::Billed(Bill {
        id: id.to_owned(),
        at,
        endpoint: endpoints::GET_COMPANY_STACK,
        request: None,
        credits: 1,
    })
}

#[test]
fn a_file_that_grows_is_written_anew() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("sandbox.jsonl");
    let (journal, _) = Journal::open(&path, beginning()).expect("a file");
    let credits = Object::from_iter([("credits".to_owned(), 9.into())]);
    journal.note(|| Entry::Set(credits));
    journal.note(|| billed("old", Timestamp::default()));
    journal.note(|| billed("new", now()));
    let mut largest = 0;
    for turn in 1..=300_000 {
        journal.note(|| Entry::Turn(turn));
        largest = largest.max(std::fs::metadata(&path).expect("a file").len());
    }
    assert!(largest > LEAST_REWRITTEN / 2, "{largest}");
    assert!(largest <= LEAST_REWRITTEN, "{largest}");
    // What ended long ago is gone, and what it cost is not charged again.
    let text = std::fs::read_to_string(&path).expect("a text");
    assert!(!text.contains("\"old\"") && text.contains("\"new\""));
    let (_, past) = Journal::open(&path, beginning()).expect("a file");
    assert_eq!((past.turn, past.bills.len()), (300_000, 1));
    assert_eq!(past.settings["credits"].as_i64(), Some(7));
}

#[test]
fn a_file_that_cannot_be_written_anew_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("sandbox.jsonl");
    let (journal, _) = Journal::open(&path, beginning()).expect("a file");
    // Where the new file is to be written.
    let obstacle = path.with_extension("new");
    std::fs::create_dir(&obstacle).expect("a folder");
    for turn in 1..=100_000 {
        journal.note(|| Entry::Turn(turn));
    }
    let size = std::fs::metadata(&path).expect("a file").len();
    assert!(size > LEAST_REWRITTEN, "{size}");
    std::fs::remove_dir(&obstacle).expect("removed");
    let (_, past) = Journal::open(&path, beginning()).expect("a file");
    assert_eq!(past.turn, 100_000);
}

#[test]
fn entries_about_work_that_is_not_known_say_nothing() {
    let mut past = Past::none(beginning());
    let work = "gone".to_owned();
    past.add(Entry::Done(Mark::now(&work)));
    past.add(Entry::Deleted(Mark::now(&work)));
    past.add(Entry::Delivered {
        work: work.clone(),
        count: 1,
    });
    past.add(Entry::Found(Found {
        work,
        count: 1,
        status: None,
        credits: 1,
    }));
    assert!(past.works.is_empty());
    assert_eq!(past.settings, Object::new());
}

#[test]
fn what_a_crash_left_while_the_file_was_written_anew_is_no_harm() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("sandbox.jsonl");
    std::fs::write(path.with_extension("new"), "half").expect("written");
    let (journal, _) = Journal::open(&path, beginning()).expect("a file");
    journal.note(|| Entry::Turn(7));
    let (_, past) = Journal::open(&path, beginning()).expect("a file");
    assert_eq!(past.turn, 7);
    assert!(!path.with_extension("new").exists());
}
