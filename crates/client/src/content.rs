//! Content to upload: where it comes from, and how it is read.

use std::{
    fmt,
    fs::File,
    io::{self, Read, Seek},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use tokio::sync::mpsc;

use crate::{
    Error, Observer, Progress, Stamp,
    digest::{Digest, Hashing},
};

/// The most that is sent in one message instead of a stream, in bytes.
pub(crate) const SMALL: u64 = 1 << 20;

/// How much content one message of a stream carries, in bytes.
pub(crate) const PIECE: u64 = 256 << 10;

/// Content to upload.
pub struct Content {
    source: Source,
    /// In bytes, where the caller knows it.
    size_hint: Option<u64>,
}

enum Source {
    Bytes(Bytes),
    File(FileSource),
    Reader(Box<dyn Read + Send>, PathBuf),
}

/// A file that can be read as often as that takes.
#[derive(Clone)]
struct FileSource {
    open: Opener,
    shown: PathBuf,
    /// False: it may be a pipe or a device, which is read once.
    is_regular: bool,
    /// The only state in which it is read.
    expected: Option<Stamp>,
}

type Opener = Arc<dyn Fn() -> io::Result<File> + Send + Sync>;

impl Content {
    /// Bytes in memory.
    pub fn bytes(bytes: impl Into<Bytes>) -> Self {
        Source::Bytes(bytes.into()).into()
    }

    /// A file, a pipe or a device at this path. A file is read twice when it is larger than 1 MiB: once to learn its hash.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        let shown = path.into();
        let path = shown.clone();
        let source = FileSource {
            open: Arc::new(move || File::open(&path)),
            shown,
            is_regular: false,
            expected: None,
        };
        Source::File(source).into()
    }

    /// A regular file that this function opens; errors name it by `shown`. It is called again for each retry.
    pub fn opened_by(
        shown: impl Into<PathBuf>,
        open: impl Fn() -> io::Result<File> + Send + Sync + 'static,
    ) -> Self {
        let source = FileSource {
            open: Arc::new(open),
            shown: shown.into(),
            is_regular: true,
            expected: None,
        };
        Source::File(source).into()
    }

    /// A stream that can be read only once: its upload has no derived idempotency key and no retries. Errors name it by
    /// `shown`.
    pub fn reader(shown: impl Into<PathBuf>, reader: impl Read + Send + 'static) -> Self {
        Source::Reader(Box::new(reader), shown.into()).into()
    }

    /// Only in this state: a file that has changed since fails with an error that [`is_changed`] knows. Without an effect
    /// on bytes and readers.
    #[must_use]
    pub fn in_state(mut self, stamp: Stamp) -> Self {
        if let Source::File(file) = &mut self.source {
            file.expected = Some(stamp);
        }
        self
    }

    /// With its length in bytes, as far as the caller knows it: uploads that run at the same time share memory by it.
    #[must_use]
    pub fn with_size_hint(mut self, bytes: Option<u64>) -> Self {
        self.size_hint = bytes;
        self
    }

    /// How errors name it.
    pub(crate) fn shown(&self) -> PathBuf {
        match &self.source {
            Source::Bytes(_) => PathBuf::from("content"),
            Source::File(file) => file.shown.clone(),
            Source::Reader(_, shown) => shown.clone(),
        }
    }

    /// The memory that opening it may take, in bytes.
    pub(crate) fn memory(&self) -> u64 {
        match &self.source {
            Source::File(_) => self.size_hint.map_or(SMALL, |size| size.min(SMALL)),
            Source::Bytes(_) | Source::Reader(..) => 0,
        }
    }
}

impl From<Source> for Content {
    fn from(source: Source) -> Self {
        Self {
            source,
            size_hint: None,
        }
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Content").field(&self.shown()).finish()
    }
}

/// Opened content, and whether its owner may execute it.
pub(crate) struct Opened {
    pub(crate) how: How,
    pub(crate) executable: bool,
}

/// How content is read.
pub(crate) enum How {
    /// All of it.
    Small(Bytes),
    /// While it is sent, as often as that takes.
    Large(Large),
    /// While it is sent, once.
    Once(Box<dyn Read + Send>),
}

/// Content that is too large for one message.
#[derive(Clone)]
pub(crate) enum Large {
    Memory(Bytes),
    /// A regular file, as it was when it was first looked at.
    File(Opener, Stamp),
}

/// One step of content on its way from the thread that reads it to the stream that sends it.
#[derive(Debug)]
pub(crate) enum Piece {
    Bytes(Bytes),
    /// The content was read to its end, and this is what it was. A channel that closes without it carries content that is cut
    /// off.
    End(Digest),
}

/// Opens content, and reads it when it is small.
pub(crate) fn open(content: Content) -> io::Result<Opened> {
    let file = match content.source {
        Source::Bytes(bytes) => {
            let how = if bytes.len() as u64 <= SMALL {
                How::Small(bytes)
            } else {
                How::Large(Large::Memory(bytes))
            };
            return Ok(Opened {
                how,
                executable: false,
            });
        }
        Source::Reader(reader, _) => {
            return Ok(Opened {
                how: How::Once(reader),
                executable: false,
            });
        }
        Source::File(file) => file,
    };
    let steady = SteadyFile::open(&file.open)?;
    let is_another = file
        .expected
        .is_some_and(|state| steady.seen != Some(state));
    if is_another || (file.is_regular && steady.seen.is_none()) {
        return Err(changed());
    }
    let executable = steady.executable;
    let how = read(file.open, steady)?;
    Ok(Opened { how, executable })
}

fn read(open: Opener, mut file: SteadyFile) -> io::Result<How> {
    let Some(seen) = file.seen else {
        return Ok(How::Once(Box::new(file)));
    };
    let mut head = Vec::with_capacity(seen.length().min(SMALL) as usize + 1);
    file.by_ref().take(SMALL + 1).read_to_end(&mut head)?;
    if head.len() as u64 <= SMALL {
        Ok(How::Small(head.into()))
    } else if seen.length() > SMALL {
        Ok(How::Large(Large::File(open, seen)))
    } else {
        // A file of /proc says that it is empty, and may be another each time.
        Ok(How::Once(Box::new(io::Cursor::new(head).chain(file))))
    }
}

/// Reads content to its end and sends it on in pieces. Fails at its end when it has not the expected digest. `None` when the
/// receiver of the pieces was dropped.
pub(crate) fn send(
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

impl Large {
    /// In bytes.
    pub(crate) fn length(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::File(_, seen) => seen.length(),
        }
    }

    /// Reads it from its beginning; fails when it is not the file that was looked at.
    pub(crate) fn read(&self) -> io::Result<Box<dyn Read + Send>> {
        match self {
            Self::Memory(bytes) => Ok(Box::new(io::Cursor::new(bytes.clone()))),
            Self::File(open, seen) => {
                let file = SteadyFile::open(open)?;
                if file.seen == Some(*seen) {
                    Ok(Box::new(file))
                } else {
                    Err(changed())
                }
            }
        }
    }

    /// Reads it from this offset on.
    pub(crate) fn read_from(&self, offset: u64) -> io::Result<Box<dyn Read + Send>> {
        match self {
            Self::Memory(bytes) => {
                let rest = usize::try_from(offset)
                    .unwrap_or(usize::MAX)
                    .min(bytes.len());
                Ok(Box::new(io::Cursor::new(bytes.slice(rest..))))
            }
            Self::File(open, seen) => {
                let mut file = SteadyFile::open(open)?;
                if file.seen != Some(*seen) {
                    return Err(changed());
                }
                file.file.seek(io::SeekFrom::Start(offset))?;
                Ok(Box::new(file))
            }
        }
    }

    /// Reads all of it, only to know what it is.
    pub(crate) fn digest(&self, observer: &Observer) -> io::Result<Digest> {
        let mut content = self.read()?;
        let mut hashing = Hashing::default();
        let mut piece = vec![0; PIECE as usize];
        loop {
            match content.read(&mut piece)? {
                0 => return Ok(hashing.finish()),
                n => hashing.update(&piece[..n]),
            }
            observer.see(Progress::Hashed {
                bytes: hashing.size(),
                total: self.length(),
            });
        }
    }
}

/// Whether an upload failed because its file changed while it was read, or is in another state than [`Content::in_state`]
/// says.
#[must_use]
pub fn is_changed(source: &io::Error) -> bool {
    source.get_ref().is_some_and(|error| error.is::<Changed>())
}

#[derive(Debug, thiserror::Error)]
#[error("the file changed while it was being read")]
struct Changed;

fn changed() -> io::Error {
    io::Error::other(Changed)
}

/// Does blocking work on a thread of its own. Errors name this file.
pub(crate) async fn on_thread<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(io::Error::from)
        .flatten()
        .map_err(Error::of_file(path))
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
    fn open(open: &Opener) -> io::Result<Self> {
        let file = open()?;
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

    use tempfile::NamedTempFile;
    use tokio::sync::mpsc;

    use super::{Content, Digest, How, Large, Observer, Piece, SMALL, Stamp, is_changed, send};

    type Result = std::result::Result<(), Box<dyn std::error::Error>>;

    fn file_of(size: u64) -> io::Result<NamedTempFile> {
        let file = NamedTempFile::new()?;
        fs::write(&file, vec![7; size as usize])?;
        Ok(file)
    }

    fn open(content: Content) -> io::Result<How> {
        super::open(content).map(|opened| opened.how)
    }

    fn opened(file: &NamedTempFile) -> io::Result<How> {
        open(Content::file(file.path()))
    }

    fn large(file: &NamedTempFile) -> std::result::Result<Large, Box<dyn std::error::Error>> {
        match opened(file)? {
            How::Large(large) => Ok(large),
            _ => Err("not a large file".into()),
        }
    }

    #[test]
    fn a_small_file_is_read_whole_and_a_large_one_streamed() -> Result {
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
    fn a_device_is_read_once() -> Result {
        assert!(matches!(open(Content::file("/dev/null"))?, How::Once(_)));
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
    fn a_file_that_changes_between_two_reads_is_an_error() -> Result {
        let mut file = file_of(SMALL + 1)?;
        let large = large(&file)?;
        let digest = large.digest(&Observer::default())?;
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
    fn a_file_in_another_state_is_not_opened() -> Result {
        let (file, other) = (file_of(3)?, file_of(3)?);
        let stamp = Stamp::of(&file.as_file().metadata()?);
        let open_file = || open(Content::file(file.path()).in_state(stamp));
        assert!(matches!(open_file()?, How::Small(_)));
        // What is put in its place may lead anywhere.
        fs::remove_file(&file)?;
        std::os::unix::fs::symlink(&other, &file)?;
        let error = open_file().err();
        assert!(error.is_some_and(|error| is_changed(&error)));
        Ok(())
    }

    #[test]
    fn pieces_come_in_order_and_end_with_the_digest() -> Result {
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
    fn reading_stops_when_the_receiver_is_gone() -> Result {
        let (sender, pieces) = mpsc::channel(1);
        drop(pieces);
        assert_eq!(send(io::repeat(0), None, &sender)?, None);
        Ok(())
    }
}
