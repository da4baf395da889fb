//! The folder of one Cairn.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError},
    io::{self, ErrorKind, Write},
    net::SocketAddr,
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use cairn_proto::token::SigningKey;
use cairn_store::{NewApiKey, Store};
use rustix::{fs::OFlags, process::geteuid};

use crate::error::CliError;

/// The tenant that everything in a data folder belongs to.
const TENANT: &str = "dev";

const FILE_MODE: u32 = 0o600;

/// The length of what signs delegated tokens, in bytes.
const SECRET: usize = 32;

/// A folder that is ours alone for as long as this lives.
pub(super) struct DataDir {
    path: PathBuf,
    _lock: File,
}

/// The address and the key for clients.
pub(super) struct Clients<'a> {
    pub(super) addr: &'a str,
    pub(super) grpc: SocketAddr,
    pub(super) key: &'a str,
}

impl DataDir {
    pub(super) fn open(path: &Path) -> Result<Self, CliError> {
        make(path).map_err(CliError::of_file(path))?;
        let path = path.canonicalize().map_err(CliError::of_file(path))?;
        refuse_others(&path).map_err(CliError::of_file(&path))?;
        let lock_path = path.join("lock");
        let lock = private_file().create(true).truncate(false).open(&lock_path);
        let lock = lock.map_err(CliError::of_file(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(CliError::Usage(format!(
                    "another cairn dev runs on {}; stop it, or choose another folder with --data-dir",
                    path.display()
                )));
            }
            Err(TryLockError::Error(e)) => return Err(CliError::of_file(lock_path)(e)),
        }
        // An earlier release let others read.
        if path.join("dev.env").exists() {
            let close = fs::set_permissions(&path, Permissions::from_mode(folder_mode()));
            close.map_err(CliError::of_file(&path))?;
        }
        let close = lock.set_permissions(Permissions::from_mode(FILE_MODE));
        close.map_err(CliError::of_file(&lock_path))?;
        Ok(Self { path, _lock: lock })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn env_path(&self) -> PathBuf {
        self.path.join("dev.env")
    }

    /// The key of the last time if it still works, else a new one.
    pub(super) async fn api_key(&self, store: &Store) -> Result<String, CliError> {
        let last = fs::read_to_string(self.env_path()).unwrap_or_default();
        let last = last
            .lines()
            .find_map(|line| line.strip_prefix("export CAIRN_API_KEY="));
        if let Some(key) = last
            && store.authenticate(key).await.is_ok()
        {
            return Ok(key.to_owned());
        }
        let (_, secret) = store
            .issue_api_key(TENANT, &NewApiKey::of_operator())
            .await?;
        Ok(secret.reveal().to_owned())
    }

    /// What signs delegated tokens, which work on after a restart. A folder without one gets one.
    pub(super) fn delegation_key(&self) -> Result<SigningKey, CliError> {
        let path = self.path.join("delegation.key");
        let read = || match fs::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let secret: [u8; SECRET] = rand::random();
                replace(&path, &secret)?;
                Ok(secret.to_vec())
            }
            read => read,
        };
        let secret = read().map_err(CliError::of_file(&path))?;
        if secret.len() != SECRET {
            let words = "is not a key: remove it, which ends every delegated token";
            return Err(CliError::of_file(&path)(io::Error::other(words)));
        }
        Ok(SigningKey::new(1, &secret))
    }

    /// Writes the address and the key for clients, readable by this user only, and returns the path.
    pub(super) fn write_env(&self, clients: &Clients) -> Result<PathBuf, CliError> {
        let path = self.env_path();
        let Clients { addr, grpc, key } = clients;
        let lines = format!(
            "export CAIRN_ADDR={addr}\nexport CAIRN_GRPC_TARGET={grpc}\nexport CAIRN_API_KEY={key}\n"
        );
        replace(&path, lines.as_bytes()).map_err(CliError::of_file(&path))?;
        Ok(path)
    }
}

/// Writes a file that only this user can read, in the place of one that is there.
fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".new");
    let temporary = PathBuf::from(temporary);
    // An existing file may belong to another user, who could read the key.
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = private_file().create_new(true).open(&temporary)?;
    file.write_all(content)?;
    fs::rename(&temporary, path)
}

/// Of root's folder others must get through to that of Postgres, which root does not run.
fn folder_mode() -> u32 {
    if geteuid().is_root() { 0o711 } else { 0o700 }
}

fn make(path: &Path) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    match DirBuilder::new().mode(folder_mode()).create(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        made => made,
    }
}

/// A folder in which others may write can be anything at any time.
fn refuse_others(path: &Path) -> io::Result<()> {
    let found = fs::metadata(path)?;
    if found.uid() != geteuid().as_raw() {
        let words = "belongs to another user: choose a folder of your own with --data-dir, or let it be made";
        return Err(io::Error::other(words));
    }
    if found.mode() & 0o002 != 0 {
        let words = "may be written to by every user: choose another folder with --data-dir, or chmod it to 700";
        return Err(io::Error::other(words));
    }
    Ok(())
}

/// A file to write that no link leads to.
fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options
        .write(true)
        .mode(FILE_MODE)
        .custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
    options
}
