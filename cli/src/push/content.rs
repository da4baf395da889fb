//! Reading what is pushed.

use std::{
    fs::File,
    io::{self, Read},
    time::SystemTime,
};

use bytes::Bytes;
use tokio::sync::mpsc;

use super::plan::Content;
use crate::digest::{Digest, Hashing};

/// The most that is sent in one message instead of a stream.
const SMALL: u64 = 1 << 20;

/// How much content one message of a stream carries.
const PIECE: u64 = 256 << 10;

/// Opened content.
pub(super) enum Opened {
    /// All of it.
    Small(Bytes),
    /// To be read while it is sent, with its length when that is known.
    Stream(Box<dyn Read + Send>, Option<u64>),
}

/// One step of content on its way from the thread that reads it to the stream that sends it.
#[derive(Debug)]
pub(super) enum Piece {
    Bytes(Bytes),
    /// The content was read to its end. A channel that closes without this carries content that is cut off.
    End,
}

/// Opens content, and reads it when it is small.
pub(super) fn open(content: &Content) -> io::Result<Opened> {
    let path = match content {
        Content::Stdin => return Ok(Opened::Stream(Box::new(io::stdin()), None)),
        Content::File(path) => path,
    };
    let mut file = SteadyFile::open(File::open(path)?)?;
    let mut head = Vec::new();
    file.by_ref().take(SMALL + 1).read_to_end(&mut head)?;
    if head.len() as u64 <= SMALL {
        return Ok(Opened::Small(head.into()));
    }
    // A file of /proc says that it is empty.
    let length = file
        .seen
        .map(|seen| seen.length)
        .filter(|length| *length > SMALL);
    Ok(Opened::Stream(
        Box::new(io::Cursor::new(head).chain(file)),
        length,
    ))
}

/// Reads content to its end and sends it on in pieces. `None` when nobody takes them any more.
pub(super) fn send(
    mut content: impl Read,
    pieces: &mpsc::Sender<Piece>,
) -> io::Result<Option<Digest>> {
    let mut hashing = Hashing::default();
    loop {
        let mut piece = Vec::with_capacity(PIECE as usize);
        content.by_ref().take(PIECE).read_to_end(&mut piece)?;
        if piece.is_empty() {
            break;
        }
        hashing.update(&piece);
        if pieces.blocking_send(Piece::Bytes(piece.into())).is_err() {
            return Ok(None);
        }
    }
    match pieces.blocking_send(Piece::End) {
        Ok(()) => Ok(Some(hashing.finish())),
        Err(_) => Ok(None),
    }
}

/// A file whose end is an error when the file changed while it was read: what was read then is no state that the file
/// ever was in.
struct SteadyFile {
    file: File,
    /// `None` for a pipe or a device, which has no state to compare.
    seen: Option<Seen>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Seen {
    length: u64,
    modified: SystemTime,
}

impl SteadyFile {
    fn open(file: File) -> io::Result<Self> {
        let seen = Self::look(&file)?;
        Ok(Self { file, seen })
    }

    fn look(file: &File) -> io::Result<Option<Seen>> {
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Ok(None);
        }
        Ok(Some(Seen {
            length: metadata.len(),
            modified: metadata.modified()?,
        }))
    }
}

impl Read for SteadyFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        if read == 0 && !buffer.is_empty() && Self::look(&self.file)? != self.seen {
            return Err(io::Error::other("the file changed while it was being read"));
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        io::{self, Read, Write},
    };

    use tempfile::NamedTempFile;
    use tokio::sync::mpsc;

    use super::{Content, Opened, Piece, SMALL, open, send};
    use crate::digest::Digest;

    type Result = std::result::Result<(), Box<dyn std::error::Error>>;

    fn file_of(size: u64) -> io::Result<NamedTempFile> {
        let file = NamedTempFile::new()?;
        fs::write(&file, vec![7; size as usize])?;
        Ok(file)
    }

    fn opened(file: &NamedTempFile) -> io::Result<Opened> {
        open(&Content::File(file.path().to_owned()))
    }

    #[test]
    fn a_file_up_to_the_limit_is_read_whole_and_a_larger_one_is_streamed() -> Result {
        assert!(matches!(opened(&file_of(0)?)?, Opened::Small(bytes) if bytes.is_empty()));
        assert!(
            matches!(opened(&file_of(SMALL)?)?, Opened::Small(bytes) if bytes.len() == 1 << 20)
        );
        let file = file_of(SMALL + 1)?;
        let Opened::Stream(mut content, length) = opened(&file)? else {
            return Err("not streamed".into());
        };
        let mut read = Vec::new();
        content.read_to_end(&mut read)?;
        assert_eq!(read, fs::read(&file)?);
        assert_eq!(length, Some(SMALL + 1));
        Ok(())
    }

    #[test]
    fn a_file_that_grows_while_it_is_read_is_an_error() -> Result {
        let mut file = file_of(SMALL + 1)?;
        let Opened::Stream(mut content, _) = opened(&file)? else {
            return Err("not streamed".into());
        };
        file.as_file_mut().write_all(&vec![8; 2 << 20])?;
        assert!(content.read_to_end(&mut Vec::new()).is_err());
        Ok(())
    }

    #[test]
    fn pieces_come_in_order_then_the_end_and_the_digest_is_that_of_the_content() -> Result {
        let content: Vec<u8> = (0..600_000_u32).map(|i| i as u8).collect();
        let (sender, mut pieces) = mpsc::channel(8);
        let digest = send(&content[..], &sender)?;
        assert_eq!(digest, Some(Digest::of(&content)));
        drop(sender);
        let mut got = Vec::new();
        let mut ended = false;
        while let Some(piece) = pieces.blocking_recv() {
            match piece {
                Piece::Bytes(bytes) => got.extend_from_slice(&bytes),
                Piece::End => ended = true,
            }
        }
        assert!(ended);
        assert_eq!(got, content);
        Ok(())
    }

    #[test]
    fn content_that_fails_has_no_end() {
        struct Failing;
        impl Read for Failing {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("unplugged"))
            }
        }
        let (sender, mut pieces) = mpsc::channel(8);
        assert!(send((&b"abc"[..]).chain(Failing), &sender).is_err());
        drop(sender);
        assert!(!std::iter::from_fn(|| pieces.blocking_recv()).any(|p| matches!(p, Piece::End)));
    }

    #[test]
    fn reading_stops_when_nobody_takes_the_pieces() -> Result {
        let (sender, pieces) = mpsc::channel(1);
        drop(pieces);
        assert_eq!(send(io::repeat(0), &sender)?, None);
        Ok(())
    }
}
