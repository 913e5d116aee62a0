//! The file in which a sandbox notes what it does, so that another process goes on with it:
//! one JSON object a line, appended before a request is answered and after a delivery.
//!
//! It is written for the crash of a process, not of the machine: each entry is handed to the
//! system in one write, and none is synced. Each start writes the file anew, without what
//! ended long ago; so does a sandbox that goes on, when the file has grown to a multiple.
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

/// How the first line begins.
const BEGINNING: &[u8] = b"{\"begun\":";

/// A file is written anew when it has grown to so many times its size.
const GROWTH: u64 = 4;
/// A smaller one is not.
const LEAST_REWRITTEN: u64 = 1 << 20;

const NO_BEGINNING: &str = "not how such a file begins";

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
    page: Mutex<Page>,
}

#[derive(Debug)]
struct Page {
    file: File,
    /// The bytes in it.
    size: u64,
    /// A larger file is written anew.
    limit: u64,
    /// An entry could not be written: without it the others would tell another story.
    is_over: bool,
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
        let page = rewrite(path, &past).map_err(|error| failed(path, error))?;
        let writer = Writer {
            path: path.to_owned(),
            beginning,
            page: Mutex::new(page),
        };
        Ok((Self(Some(writer)), past))
    }

    /// Notes an entry. Where that fails the sandbox goes on without the file.
    pub fn note(&self, entry: impl FnOnce() -> Entry) {
        if let Some(writer) = &self.0 {
            writer.write(&mut writer.page.lock(), &entry());
        }
    }

    /// Forgets everything. A file that could not be written is tried again.
    pub fn reset(&self) {
        if let Some(writer) = &self.0 {
            let mut page = writer.page.lock();
            page.is_over = false;
            match page.empty() {
                Ok(()) => writer.write(&mut page, &Entry::Begun(writer.beginning.clone())),
                Err(error) => writer.give_up(&mut page, &error),
            }
        }
    }
}

impl Writer {
    fn write(&self, page: &mut Page, entry: &Entry) {
        if page.is_over {
            return;
        }
        let written = line(entry).and_then(|line| page.append(&line));
        if let Err(error) = written {
            self.give_up(page, &error);
        } else if page.size > page.limit {
            self.rewrite(page);
        }
    }

    /// Writes the file anew while the sandbox goes on: occasions of faults, for one, are
    /// noted again and again. Where that fails the file is as good as before.
    fn rewrite(&self, page: &mut Page) {
        let rewritten = read(&self.path).and_then(|past| {
            let mut past = past.ok_or_else(|| failed(&self.path, ErrorKind::NotFound.into()))?;
            past.forget(now());
            rewrite(&self.path, &past).map_err(|error| failed(&self.path, error))
        });
        match rewritten {
            Ok(new) => *page = new,
            Err(error) => {
                // Not again with each entry.
                page.limit = page.size.saturating_mul(GROWTH);
                tracing::warn!(%error, "The sandbox cannot write its file anew: it goes on growing.");
            }
        }
    }

    /// Empties the file, which needs no room: another process would go on from where it
    /// ends, and charge once more what came behind.
    fn give_up(&self, page: &mut Page, error: &io::Error) {
        page.is_over = true;
        let emptied = page.empty();
        tracing::error!(
            file = %self.path.display(),
            %error,
            is_emptied = emptied.is_ok(),
            "The sandbox cannot write its file: it ends with this process, unless it is reset."
        );
    }
}

impl Page {
    /// A file that was written just now.
    fn of(file: File, size: u64) -> Self {
        Self {
            file,
            size,
            limit: size.saturating_mul(GROWTH).max(LEAST_REWRITTEN),
            is_over: false,
        }
    }

    fn append(&mut self, line: &[u8]) -> io::Result<()> {
        self.file.write_all(line)?;
        self.size += line.len() as u64;
        Ok(())
    }

    fn empty(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        (self.size, self.limit) = (0, LEAST_REWRITTEN);
        Ok(())
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
    let file = match regular(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(path, error)),
    };
    let unreadable = |line, reason| JournalError::Unreadable {
        file: path.to_owned(),
        line,
        reason,
    };
    let (mut reader, mut past) = (BufReader::new(file), None);
    let mut text = Vec::new();
    for number in 1.. {
        text.clear();
        let read = reader.read_until(b'\n', &mut text);
        read.map_err(|error| failed(path, error))?;
        // A crash in the middle of a write leaves a line without an end.
        if text.last() != Some(&b'\n') {
            if past.is_none() && !is_cut_beginning(&text) {
                return Err(unreadable(number, NO_BEGINNING.to_owned()));
            }
            break;
        }
        text.pop();
        add(&mut past, &text).map_err(|reason| unreadable(number, reason))?;
    }
    Ok(past)
}

/// Opens what can be read to its end; a pipe, for one, would be waited for.
fn regular(path: &Path) -> io::Result<File> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    File::open(path)
}

/// Whether this may be the first line of such a file, without its end.
fn is_cut_beginning(text: &[u8]) -> bool {
    text.starts_with(BEGINNING) || BEGINNING.starts_with(text)
}

fn add(past: &mut Option<Past>, line: &[u8]) -> Result<(), String> {
    let entry: Entry = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    match (past, entry) {
        (Some(_), Entry::Begun(_)) => return Err("only the first line begins a file".to_owned()),
        (Some(past), entry) => past.add(entry),
        (past, Entry::Begun(beginning)) if beginning.format == FORMAT => {
            *past = Some(Past::none(beginning));
        }
        (_, Entry::Begun(beginning)) => {
            return Err(format!("format {} instead of {FORMAT}", beginning.format));
        }
        _ => return Err(NO_BEGINNING.to_owned()),
    }
    Ok(())
}

/// Writes a file anew, beside the old one until it is whole, and leaves it open.
fn rewrite(path: &Path, past: &Past) -> io::Result<Page> {
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
    Ok(Page::of(file, lines.len() as u64))
}

#[cfg(test)]
mod tests;
