//! Where in the bytes of an HTTP/2 connection an answer begins.

/// The header of a frame: length, type, flags, stream.
const HEADER: usize = 9;

/// The type of a frame with the headers of an answer.
const HEADERS: u8 = 1;

/// The frames that a server sends, as far as they have come.
#[derive(Default)]
pub struct Frames {
    /// Of the next frame.
    header: Vec<u8>,
    /// Left of the frame that has begun.
    payload: usize,
}

impl Frames {
    /// How many of these bytes are before the first answer; none when all are.
    pub fn before_headers(&mut self, bytes: &[u8]) -> Option<usize> {
        for (index, &byte) in bytes.iter().enumerate() {
            if self.payload > 0 {
                self.payload -= 1;
                continue;
            }
            self.header.push(byte);
            if self.header.len() < HEADER {
                continue;
            }
            if self.header[3] == HEADERS {
                return Some((index + 1).saturating_sub(HEADER));
            }
            let [high, middle, low] = [0, 1, 2].map(|at| usize::from(self.header[at]));
            self.payload = high << 16 | middle << 8 | low;
            self.header.clear();
        }
        None
    }
}
