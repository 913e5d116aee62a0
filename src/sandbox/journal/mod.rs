//! The file in which a sandbox notes what it does, so that another process goes on with it:
//! one JSON object a line, appended before a request is answered and after a delivery.
//!
//! It is written for the crash of a process, not of the machine: each entry is handed to the
//! system in one write, and none is synced. Each start writes the file anew, without what
//! ended long ago.
//!
//! * `entry`: what lines say. `forms`: how foreign types are written.
//! * `past`: what they come to.

mod entry;
pub mod forms;
mod past;

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

pub use entry::{Beginning, Bill, Entry, Found, Mark, Task, Work, WorldName};
pub use past::{Kept, Past};

use super::state::now;

/// Which entries there are. Raised when an entry gets another meaning.
pub const FORMAT: u32 = 1;

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// It cannot be read or written.
    #[error("{}: {error}", file.display())]
    Io {
        /// Which file.
        file: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It is no file of a sandbox, or one of another version.
    #[error(
        "{}: line {line}: {reason}: this is not a file of this version's sandbox; \
         remove it to start a new sandbox",
        file.display()
    )]
    Unreadable {
        /// Which file.
        file: PathBuf,
        /// Where it cannot be understood.
        line: usize,
        /// Why.
        reason: String,
    },
    /// It has settings that there are no more.
    #[error("{}: {reason}; remove it to start a new sandbox", file.display())]
    Settings {
        /// Which file.
        file: PathBuf,
        /// What is wrong with them.
        reason: String,
    },
}

/// Where a sandbox notes what it does.
#[derive(Debug, Default)]
pub struct Journal(Option<Writer>);

#[derive(Debug)]
struct Writer {
    path: PathBuf,
    beginning: Beginning,
    /// None once it could not be written: behind half an entry nothing may follow.
    file: Mutex<Option<File>>,
}

impl Journal {
    /// Notes nothing: the sandbox ends with its process.
    #[must_use]
    pub fn none() -> Self {
        Self(None)
    }

    /// Opens the file of a sandbox that begins like this, and tells what it was about. A
    /// sandbox with another world begins anew.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, understood or written.
    pub fn open(path: &Path, beginning: Beginning) -> Result<(Self, Past), JournalError> {
        let past = match read(path)? {
            Some(mut past) if past.beginning.world == beginning.world => {
                past.begin_again(beginning.clone());
                past.forget(now());
                past
            }
            Some(other) => {
                let (before, now) = (other.beginning.world, beginning.world);
                tracing::warn!(
                    file = %path.display(),
                    ?before,
                    ?now,
                    "The sandbox begins anew: its file is about another world."
                );
                Past::none(beginning.clone())
            }
            None => Past::none(beginning.clone()),
        };
        let file = rewrite(path, &past).map_err(|error| failed(path, error))?;
        let writer = Writer {
            path: path.to_owned(),
            beginning,
            file: Mutex::new(Some(file)),
        };
        Ok((Self(Some(writer)), past))
    }

    /// Notes an entry. Where that fails the sandbox goes on without the file.
    pub fn note(&self, entry: impl FnOnce() -> Entry) {
        if let Some(writer) = &self.0 {
            let line = line(&entry());
            writer.write(|file| file.write_all(&line?));
        }
    }

    /// Forgets everything.
    pub fn reset(&self) {
        if let Some(writer) = &self.0 {
            let line = line(&Entry::Begun(writer.beginning.clone()));
            writer.write(|file| {
                file.set_len(0)?;
                file.write_all(&line?)
            });
        }
    }
}

impl Writer {
    fn write(&self, write: impl FnOnce(&mut File) -> io::Result<()>) {
        let mut file = self.file.lock();
        let written = file.as_mut().map_or(Ok(()), write);
        if let Err(error) = written {
            tracing::error!(
                file = %self.path.display(),
                %error,
                "The sandbox cannot write its file: from here on it ends with this process."
            );
            *file = None;
        }
    }
}

fn line(entry: &Entry) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(entry)?;
    line.push(b'\n');
    Ok(line)
}

fn failed(path: &Path, error: io::Error) -> JournalError {
    JournalError::Io {
        file: path.to_owned(),
        error,
    }
}

/// What a file tells; none when there is none, or a crash came before its first line was
/// whole.
fn read(path: &Path) -> Result<Option<Past>, JournalError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(path, error)),
    };
    let (mut reader, mut past) = (BufReader::new(file), None);
    let mut text = Vec::new();
    for number in 1.. {
        text.clear();
        let read = reader.read_until(b'\n', &mut text);
        read.map_err(|error| failed(path, error))?;
        // A crash in the middle of a write leaves a line without an end.
        if text.pop() != Some(b'\n') {
            break;
        }
        let added = add(&mut past, &text);
        added.map_err(|reason| JournalError::Unreadable {
            file: path.to_owned(),
            line: number,
            reason,
        })?;
    }
    Ok(past)
}

fn add(past: &mut Option<Past>, line: &[u8]) -> Result<(), String> {
    let entry: Entry = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    match (past, entry) {
        (Some(past), entry) => past.add(entry),
        (past, Entry::Begun(beginning)) if beginning.format == FORMAT => {
            *past = Some(Past::none(beginning));
        }
        (_, Entry::Begun(beginning)) => {
            return Err(format!("format {} instead of {FORMAT}", beginning.format));
        }
        _ => return Err("not how such a file begins".to_owned()),
    }
    Ok(())
}

/// Writes a file anew, beside the old one until it is whole, and leaves it open.
fn rewrite(path: &Path, past: &Past) -> io::Result<File> {
    let new = path.with_extension("new");
    // Left by a crash.
    match std::fs::remove_file(&new) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    let mut file = options
        .create_new(true)
        .append(true)
        .mode(0o600)
        .open(&new)?;
    let mut lines = Vec::new();
    for entry in past.entries() {
        lines.extend(line(&entry)?);
    }
    file.write_all(&lines)?;
    std::fs::rename(&new, path)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
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

    #[test]
    fn nothing_is_written_behind_an_entry_that_could_not_be() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("sandbox.jsonl");
        let (Journal(opened), _) = Journal::open(&path, beginning()).expect("a file");
        let before = std::fs::read(&path).expect("a file");
        let writer = opened.expect("a writer");
        let read_only = File::open(&path).expect("a file");
        let writable = writer.file.lock().replace(read_only);
        let journal = Journal(Some(writer));
        journal.note(|| Entry::Turn(1));
        let broken = journal.0.as_ref().expect("a writer");
        assert!(broken.file.lock().is_none() && writable.is_some());
        journal.note(|| Entry::Turn(2));
        journal.reset();
        assert_eq!(std::fs::read(&path).expect("a file"), before);
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
}
