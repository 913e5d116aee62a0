//! Files that are read again when they change: keys, tokens, certificates.
//!
//! They are looked at every second. That is a poll and no notification of the system's,
//! because what counts is what a path leads to: Kubernetes changes a link above the file,
//! and volumes of several kinds notify nobody. The files are few and small, and what was
//! read is compared as a whole, so neither their times nor their places matter.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::time::{MissedTickBehavior, interval};

use crate::metrics;

/// The time between two looks.
const ROUND: Duration = Duration::from_secs(1);

/// No key, token or certificate is larger.
const MAX_SIZE: u64 = 1 << 20;

/// What is wrong with files, each with the file's name.
pub type Problems = Vec<String>;

/// Reads files, and remembers what was in them.
#[derive(Default)]
pub struct Reader {
    seen: Sha256,
    has_pipe: bool,
}

impl Reader {
    /// What is in a file.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or is larger than any file of this kind.
    pub fn read(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        let read = self.content(path);
        let (kind, content) = match &read {
            Ok(content) => ("content", content.clone()),
            Err(error) => ("error", error.to_string().into_bytes()),
        };
        // Each with its length, so that no two readings look alike.
        for part in [
            path.as_os_str().as_encoded_bytes(),
            kind.as_bytes(),
            &content,
        ] {
            self.seen.update(part.len().to_le_bytes());
            self.seen.update(part);
        }
        read
    }

    fn content(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        let file = File::open(path)?;
        self.has_pipe |= !file.metadata()?.is_file();
        let mut content = Vec::new();
        file.take(MAX_SIZE + 1).read_to_end(&mut content)?;
        match u64::try_from(content.len()) {
            Ok(length) if length <= MAX_SIZE => Ok(content),
            _ => Err(io::Error::other("it is larger than 1 MiB")),
        }
    }

    /// A text file.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or is no UTF-8.
    pub fn text(&mut self, path: &Path) -> io::Result<String> {
        let text = String::from_utf8(self.read(path)?);
        text.map_err(|_| io::Error::other("it is not UTF-8"))
    }

    /// What all of it looked like.
    #[must_use]
    pub fn finish(self) -> Seen {
        Seen {
            digest: self.seen.finalize().into(),
            has_pipe: self.has_pipe,
        }
    }
}

/// What files looked like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    digest: [u8; 32],
    /// Whether one of them cannot be read again.
    has_pipe: bool,
}

/// Something that is made of files.
pub trait Source: Send {
    /// What it is, for the log.
    fn name(&self) -> &'static str;

    /// Reads the files.
    fn read(&self) -> Reading;
}

/// What a source has read.
pub struct Reading {
    /// What the files looked like.
    pub seen: Seen,
    /// Makes it count; nothing changes when it cannot be used.
    pub apply: Box<dyn FnOnce() -> Result<(), Problems>>,
}

/// Reads sources again when their files change.
#[derive(Default)]
pub struct Reloader {
    watched: Vec<Watched>,
}

struct Watched {
    source: Box<dyn Source>,
    /// What was last made to count, or found unusable.
    judged: Seen,
    /// What the last look saw.
    seen: Seen,
    is_usable: bool,
}

impl Reloader {
    /// Looks at a source from now on. It has been read with this result.
    pub fn watch(&mut self, source: impl Source + 'static, seen: Seen) {
        if seen.has_pipe {
            let name = source.name();
            tracing::warn!(
                name,
                "It is read only once: not all of its files are plain files."
            );
            return;
        }
        self.watched.push(Watched {
            source: Box::new(source),
            judged: seen,
            seen,
            is_usable: true,
        });
    }

    /// Looks, as long as the process lives.
    pub async fn run(mut self) {
        let mut rounds = interval(ROUND);
        rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !self.watched.is_empty() {
            rounds.tick().await;
            let looked = tokio::task::spawn_blocking(move || {
                self.look();
                self
            });
            match looked.await {
                Ok(reloader) => self = reloader,
                Err(error) => {
                    tracing::error!(%error, "Files are not reloaded any more.");
                    return;
                }
            }
        }
    }

    /// Takes over what has changed, without waiting.
    pub fn reload_now(&mut self) {
        self.look();
        self.look();
    }

    /// Looks once. What has changed counts when it looks the same twice in a row: files
    /// that belong together are not written at the same moment.
    fn look(&mut self) {
        for watched in &mut self.watched {
            watched.look();
        }
        let is_usable = self.watched.iter().all(|watched| watched.is_usable);
        metrics::config_reloaded(is_usable);
    }
}

impl Watched {
    fn look(&mut self) {
        let reading = self.source.read();
        let is_stable = reading.seen == self.seen;
        self.seen = reading.seen;
        if !is_stable || self.seen == self.judged {
            return;
        }
        self.judged = self.seen;
        let name = self.source.name();
        let outcome = (reading.apply)();
        self.is_usable = outcome.is_ok();
        match outcome {
            Ok(()) => tracing::info!(name, "Reloaded."),
            Err(problems) => {
                let problems = problems.join("; ");
                tracing::error!(
                    name,
                    problems,
                    "What was there before stays: it has changed, but is not usable."
                );
            }
        }
    }
}

impl fmt::Debug for Reloader {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.watched.iter().map(|watched| watched.source.name());
        out.debug_list().entries(names).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::Arc;

    use parking_lot::Mutex;

    use super::*;

    /// What was made to count: numbers, and what is none.
    type Known = Arc<Mutex<Vec<Result<i32, ()>>>>;

    /// A number in a file.
    struct Number {
        file: PathBuf,
        known: Known,
    }

    impl Source for Number {
        fn name(&self) -> &'static str {
            "number"
        }

        fn read(&self) -> Reading {
            let mut reader = Reader::default();
            let text = reader.text(&self.file).unwrap_or_default();
            let known = self.known.clone();
            Reading {
                seen: reader.finish(),
                apply: Box::new(move || {
                    let number = text.parse().map_err(|_| ());
                    known.lock().push(number);
                    number.map(drop).map_err(|()| vec!["no number".to_owned()])
                }),
            }
        }
    }

    fn watched(file: &Path) -> (Reloader, Known) {
        let known = Arc::default();
        let file = file.to_owned();
        let source = Number {
            file,
            known: Arc::clone(&known),
        };
        let mut reloader = Reloader::default();
        let seen = source.read().seen;
        reloader.watch(source, seen);
        (reloader, known)
    }

    #[test]
    fn a_change_counts_once_it_stands_still() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("number");
        std::fs::write(&file, "1").unwrap();
        let (mut reloader, known) = watched(&file);
        reloader.reload_now();
        assert!(known.lock().is_empty(), "nothing has changed");
        std::fs::write(&file, "2").unwrap();
        reloader.look();
        std::fs::write(&file, "23").unwrap();
        reloader.look();
        assert!(known.lock().is_empty(), "it was still being written");
        reloader.look();
        reloader.look();
        assert_eq!(*known.lock(), [Ok(23)]);
    }

    #[test]
    fn what_is_unusable_is_judged_once_and_then_what_follows() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("number");
        std::fs::write(&file, "1").unwrap();
        let (mut reloader, known) = watched(&file);
        std::fs::remove_file(&file).unwrap();
        reloader.reload_now();
        reloader.reload_now();
        assert_eq!(*known.lock(), [Err(())]);
        assert!(!reloader.watched[0].is_usable);
        std::fs::write(&file, "1").unwrap();
        reloader.reload_now();
        assert_eq!(*known.lock(), [Err(()), Ok(1)]);
        assert!(reloader.watched[0].is_usable);
    }

    #[test]
    fn a_link_that_leads_elsewhere_is_a_change() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for (generation, number) in [("one", "1"), ("two", "2")] {
            std::fs::create_dir(at(generation)).unwrap();
            std::fs::write(at(generation).join("number"), number).unwrap();
        }
        let lead_to = |generation: &str| {
            std::os::unix::fs::symlink(generation, at("new")).unwrap();
            std::fs::rename(at("new"), at("data")).unwrap();
        };
        lead_to("one");
        let (mut reloader, known) = watched(&at("data").join("number"));
        lead_to("two");
        reloader.reload_now();
        assert_eq!(*known.lock(), [Ok(2)]);
    }

    #[test]
    fn a_pipe_is_read_only_once() {
        let mut reader = Reader::default();
        reader.read(Path::new("/dev/null")).unwrap();
        let seen = reader.finish();
        let mut reloader = Reloader::default();
        let source = Number {
            file: "/dev/null".into(),
            known: Arc::default(),
        };
        reloader.watch(source, seen);
        assert!(reloader.watched.is_empty());
    }
}
