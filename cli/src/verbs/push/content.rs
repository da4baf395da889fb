//! Reading what is pushed.

use std::{
    fs::File,
    io::{self, Read},
    os::unix::fs::PermissionsExt,
};

use bytes::Bytes;
use indicatif::ProgressBar;
use thiserror::Error;
use tokio::sync::mpsc;

use super::{plan::Content, stamp::Stamp};
use crate::{
    digest::{Digest, Hashing},
    error::CliError,
    files::walk::Place,
};

/// The most that is sent in one message instead of a stream.
const SMALL: u64 = 1 << 20;

/// How much content one message of a stream carries.
const PIECE: u64 = 256 << 10;

/// Opened content, and whether its owner may run it.
pub(super) struct Opened {
    pub(super) how: How,
    pub(super) executable: bool,
}

/// How content is read.
pub(super) enum How {
    /// All of it.
    Small(Bytes),
    /// To be read while it is sent, as often as that takes.
    Large(LargeFile),
    /// To be read while it is sent, once.
    Once(Box<dyn Read + Send>),
}

/// A regular file, as it was when it was first looked at.
#[derive(Debug, Clone)]
pub(super) struct LargeFile {
    place: Place,
    seen: Stamp,
}

/// One step of content on its way from the thread that reads it to the stream that sends it.
#[derive(Debug)]
pub(super) enum Piece {
    Bytes(Bytes),
    /// The content was read to its end, and this is what it was. A channel that closes without it carries content that is cut
    /// off.
    End(Digest),
}

/// Opens content, and reads it when it is small.
pub(super) fn open(content: &Content) -> io::Result<Opened> {
    let (place, expected) = match content {
        Content::Stdin => {
            return Ok(Opened {
                how: How::Once(Box::new(io::stdin())),
                executable: false,
            });
        }
        Content::File(place) => (place, None),
        Content::State(place, stamp) => (place, Some(*stamp)),
    };
    let file = SteadyFile::open(place)?;
    let is_another = match place {
        // It may be a pipe.
        Place::Named(_) => expected.is_some() && file.seen != expected,
        Place::Below(..) => file.seen.is_none() || expected.is_some_and(|e| file.seen != Some(e)),
    };
    if is_another {
        return Err(changed());
    }
    let executable = file.executable;
    let how = read(place, file)?;
    Ok(Opened { how, executable })
}

fn read(place: &Place, mut file: SteadyFile) -> io::Result<How> {
    let Some(seen) = file.seen else {
        return Ok(How::Once(Box::new(file)));
    };
    let mut head = Vec::with_capacity(seen.length().min(SMALL) as usize + 1);
    file.by_ref().take(SMALL + 1).read_to_end(&mut head)?;
    if head.len() as u64 <= SMALL {
        Ok(How::Small(head.into()))
    } else if seen.length() > SMALL {
        let place = place.clone();
        Ok(How::Large(LargeFile { place, seen }))
    } else {
        // A file of /proc says that it is empty, and may be another each time.
        Ok(How::Once(Box::new(io::Cursor::new(head).chain(file))))
    }
}

/// Reads content to its end and sends it on in pieces; fails at its end when it is not what was expected. `None` when nobody
/// takes the pieces any more.
pub(super) fn send(
    mut content: impl Read,
    expected: Option<&Digest>,
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
    let digest = hashing.finish();
    if expected.is_some_and(|expected| *expected != digest) {
        return Err(changed());
    }
    match pieces.blocking_send(Piece::End(digest.clone())) {
        Ok(()) => Ok(Some(digest)),
        Err(_) => Ok(None),
    }
}

impl LargeFile {
    pub(super) fn length(&self) -> u64 {
        self.seen.length()
    }

    /// Reads it from its beginning; fails when it is not the file that was looked at.
    pub(super) fn read(&self) -> io::Result<impl Read + Send + use<>> {
        let file = SteadyFile::open(&self.place)?;
        if file.seen == Some(self.seen) {
            Ok(file)
        } else {
            Err(changed())
        }
    }

    /// Reads all of it, only to know what it is.
    pub(super) fn digest(&self, bar: &ProgressBar) -> io::Result<Digest> {
        let mut file = self.read()?;
        let mut hashing = Hashing::default();
        let mut piece = vec![0; PIECE as usize];
        loop {
            match file.read(&mut piece)? {
                0 => return Ok(hashing.finish()),
                n => hashing.update(&piece[..n]),
            }
            bar.set_position(hashing.size());
        }
    }
}

/// Whether the error is that a file did not stand still.
pub(crate) fn is_changed(error: &CliError) -> bool {
    let CliError::File { source, .. } = error else {
        return false;
    };
    source.get_ref().is_some_and(|error| error.is::<Changed>())
}

#[derive(Debug, Error)]
#[error("the file changed while it was being read")]
struct Changed;

fn changed() -> io::Error {
    io::Error::other(Changed)
}

/// A file whose end is an error when the file changed while it was read: what was read then is no state that the file
/// ever was in.
struct SteadyFile {
    file: File,
    /// `None` for a pipe or a device, which has no state to compare.
    seen: Option<Stamp>,
    executable: bool,
}

impl SteadyFile {
    fn open(place: &Place) -> io::Result<Self> {
        let file = place.open()?;
        let metadata = file.metadata()?;
        Ok(Self {
            seen: metadata.is_file().then(|| Stamp::of(&metadata)),
            executable: metadata.is_file() && metadata.permissions().mode() & 0o100 != 0,
            file,
        })
    }

    fn look(&self) -> io::Result<Option<Stamp>> {
        let metadata = self.file.metadata()?;
        Ok(metadata.is_file().then(|| Stamp::of(&metadata)))
    }
}

impl Read for SteadyFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        if read == 0 && !buffer.is_empty() && self.look()? != self.seen {
            return Err(changed());
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

    use indicatif::ProgressBar;
    use tempfile::NamedTempFile;
    use tokio::sync::mpsc;

    use super::{Content, How, LargeFile, Piece, SMALL, Stamp, is_changed, send};
    use crate::{digest::Digest, error::CliError, files::walk::Place};

    type Result = std::result::Result<(), Box<dyn std::error::Error>>;

    fn file_of(size: u64) -> io::Result<NamedTempFile> {
        let file = NamedTempFile::new()?;
        fs::write(&file, vec![7; size as usize])?;
        Ok(file)
    }

    fn open(content: &Content) -> io::Result<How> {
        super::open(content).map(|opened| opened.how)
    }

    fn opened(file: &NamedTempFile) -> io::Result<How> {
        open(&Content::File(Place::Named(file.path().to_owned())))
    }

    fn large(file: &NamedTempFile) -> std::result::Result<LargeFile, Box<dyn std::error::Error>> {
        match opened(file)? {
            How::Large(large) => Ok(large),
            _ => Err("not a large file".into()),
        }
    }

    #[test]
    fn a_file_up_to_the_limit_is_read_whole_and_a_larger_one_is_streamed() -> Result {
        assert!(matches!(opened(&file_of(0)?)?, How::Small(bytes) if bytes.is_empty()));
        assert!(matches!(opened(&file_of(SMALL)?)?, How::Small(bytes) if bytes.len() == 1 << 20));
        let file = file_of(SMALL + 1)?;
        let large = large(&file)?;
        let mut read = Vec::new();
        large.read()?.read_to_end(&mut read)?;
        assert_eq!(read, fs::read(&file)?);
        assert_eq!(large.length(), SMALL + 1);
        Ok(())
    }

    #[test]
    fn what_is_no_regular_file_is_read_once_however_small_it_is() -> Result {
        let null = Content::File(Place::Named("/dev/null".into()));
        assert!(matches!(open(&null)?, How::Once(_)));
        Ok(())
    }

    #[test]
    fn a_file_that_grows_while_it_is_read_is_an_error() -> Result {
        let mut file = file_of(SMALL + 1)?;
        let mut content = large(&file)?.read()?;
        file.as_file_mut().write_all(&vec![8; 2 << 20])?;
        assert!(content.read_to_end(&mut Vec::new()).is_err());
        Ok(())
    }

    #[test]
    fn a_file_that_changes_between_two_readings_is_an_error() -> Result {
        let mut file = file_of(SMALL + 1)?;
        let large = large(&file)?;
        let digest = large.digest(&ProgressBar::hidden())?;
        assert_eq!(digest, Digest::of(&fs::read(&file)?));
        let modified = file.as_file().metadata()?.modified()?;
        let (sender, mut pieces) = mpsc::channel(64);
        // In a way that only its bytes tell.
        let other = Digest::of(b"other");
        assert!(send(large.read()?, Some(&other), &sender).is_err());
        drop(sender);
        assert!(!std::iter::from_fn(|| pieces.blocking_recv()).any(|p| matches!(p, Piece::End(_))));
        // In a way that the time of its last modification does not tell.
        file.as_file_mut().write_all(&[8])?;
        file.as_file().set_modified(modified)?;
        assert!(large.read().is_err());
        Ok(())
    }

    #[test]
    fn a_file_in_another_state_than_is_meant_is_not_opened() -> Result {
        let (file, other) = (file_of(3)?, file_of(3)?);
        let stamp = Stamp::of(&file.as_file().metadata()?);
        let open_file = || open(&Content::State(Place::Named(file.path().to_owned()), stamp));
        assert!(matches!(open_file()?, How::Small(_)));
        // What is put in its place may lead anywhere.
        fs::remove_file(&file)?;
        std::os::unix::fs::symlink(&other, &file)?;
        let error = open_file().err().map(CliError::of_file(file.path()));
        assert!(error.is_some_and(|error| is_changed(&error)));
        Ok(())
    }

    #[test]
    fn pieces_come_in_order_then_the_end_and_the_digest_is_that_of_the_content() -> Result {
        let content: Vec<u8> = (0..600_000_u32).map(|i| i as u8).collect();
        let (sender, mut pieces) = mpsc::channel(8);
        let digest = send(&content[..], None, &sender)?;
        assert_eq!(digest, Some(Digest::of(&content)));
        drop(sender);
        let mut got = Vec::new();
        let mut ended = false;
        while let Some(piece) = pieces.blocking_recv() {
            match piece {
                Piece::Bytes(bytes) => got.extend_from_slice(&bytes),
                Piece::End(_) => ended = true,
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
        assert!(send((&b"abc"[..]).chain(Failing), None, &sender).is_err());
        drop(sender);
        assert!(!std::iter::from_fn(|| pieces.blocking_recv()).any(|p| matches!(p, Piece::End(_))));
    }

    #[test]
    fn reading_stops_when_nobody_takes_the_pieces() -> Result {
        let (sender, pieces) = mpsc::channel(1);
        drop(pieces);
        assert_eq!(send(io::repeat(0), None, &sender)?, None);
        Ok(())
    }
}
