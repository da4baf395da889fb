//! The account that runs Postgres.

use std::{
    fs, io,
    os::unix::{
        fs::{MetadataExt, chown},
        process::CommandExt,
    },
    path::Path,
    process::{Command, Stdio},
};

use super::config::postgres_variables;

/// The accounts that may run Postgres when root may not, the best first.
const CANDIDATES: [&str; 2] = ["postgres", "nobody"];
/// The ids of the second account, where the machine has no list of users.
const NOBODY: (u32, u32) = (65534, 65534);

/// The account that Postgres runs under: ours, or as root, under which it refuses to run, one without privileges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Account {
    Own,
    Other { uid: u32, gid: u32 },
}

impl Account {
    /// The account for a folder: whose it is already, if it is there.
    pub(super) fn for_folder(folder: &Path) -> io::Result<Self> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self::Own);
        }
        match fs::metadata(folder) {
            Ok(owned) if owned.uid() != 0 => Ok(Self::Other {
                uid: owned.uid(),
                gid: owned.gid(),
            }),
            Ok(_) => Ok(Self::unprivileged()),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Self::unprivileged()),
            Err(e) => Err(e),
        }
    }

    fn unprivileged() -> Self {
        let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let (uid, gid) = CANDIDATES
            .iter()
            .find_map(|name| ids_of(&users, name))
            .unwrap_or(NOBODY);
        Self::Other { uid, gid }
    }

    /// Gives a file or folder to this account.
    pub(super) fn own(self, path: &Path) -> io::Result<()> {
        match self {
            Self::Own => Ok(()),
            Self::Other { uid, gid } => chown(path, Some(uid), Some(gid)),
        }
    }

    /// A command that runs under this account in this folder, with nothing of our environment that Postgres listens to.
    pub(super) fn command(self, program: &Path, folder: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(folder).env("LC_ALL", "C");
        for variable in postgres_variables() {
            command.env_remove(variable);
        }
        if let Self::Other { uid, gid } = self {
            command.uid(uid).gid(gid);
        }
        command
    }

    /// Whether this account can enter a folder: all on the way to it must let it pass.
    pub(super) fn can_enter(self, folder: &Path) -> bool {
        self.command(Path::new("true"), folder)
            .stdin(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }
}

/// The ids of a user in the form of /etc/passwd: name, password, uid, gid, and more.
fn ids_of(users: &str, name: &str) -> Option<(u32, u32)> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next()? == name).then_some(())?;
        fields.next()?;
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::ids_of;

    #[test]
    fn the_ids_of_a_user_are_those_of_the_exact_name() {
        let users = "root:x:0:0::/root:/bin/sh\npostgres2:x:7:8::/:/bin/sh\npostgres:x:101:104:,,,:/var:/bin/sh\n";
        assert_eq!(ids_of(users, "postgres"), Some((101, 104)));
        assert_eq!(ids_of(users, "nobody"), None);
        assert_eq!(ids_of("postgres:x\n", "postgres"), None);
    }
}
