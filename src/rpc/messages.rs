//! Counts the messages of a gRPC body as it passes, however it is cut into pieces.

/// A message begins with a byte of flags and four of its length.
const PREFIX: usize = 5;

/// Counts messages.
#[derive(Debug, Default)]
pub struct Messages {
    counted: u64,
    prefix: [u8; PREFIX],
    /// Bytes of the prefix that are here.
    known: usize,
    /// Bytes of the message that are still to come.
    left: usize,
}

impl Messages {
    /// Messages that have begun to pass with all of their prefix.
    #[must_use]
    pub fn counted(&self) -> u64 {
        self.counted
    }

    /// Some bytes pass.
    pub fn count(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let passed = self.left.min(bytes.len());
            self.left -= passed;
            bytes = bytes.get(passed..).unwrap_or_default();
            bytes = self.read_prefix(bytes);
        }
    }

    /// Reads what there is of a prefix, and returns what follows.
    fn read_prefix<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let missing = self.prefix.iter_mut().skip(self.known);
        let read = missing
            .zip(bytes)
            .map(|(place, byte)| *place = *byte)
            .count();
        self.known += read;
        if self.known == PREFIX {
            let [_, length @ ..] = self.prefix;
            self.left = u32::from_be_bytes(length) as usize;
            self.known = 0;
            self.counted += 1;
        }
        bytes.get(read..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_counted_however_they_are_cut() {
        let mut body = Vec::new();
        for length in [0_u32, 1, 300, 0, 7] {
            body.push(0);
            body.extend(length.to_be_bytes());
            body.extend(std::iter::repeat_n(9, length as usize));
        }
        for piece in [1, 2, 3, 5, 6, 100, body.len()] {
            let mut messages = Messages::default();
            body.chunks(piece).for_each(|bytes| messages.count(bytes));
            assert_eq!(messages.counted(), 5, "in pieces of {piece}");
        }
    }
}
