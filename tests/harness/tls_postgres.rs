//! A Postgres that accepts only TLS over TCP, with a certificate of a private CA.

use std::{
    net::Ipv4Addr,
    path::{Path, PathBuf},
    process::Command,
};

use cairn_cli::cluster::{Cluster, Options};
use tempfile::TempDir;
use tokio::task::spawn_blocking;

use super::postgres::connect;

/// The name in the certificate.
pub const NAME: &str = "postgres.cairn.test";

/// A Postgres that requires TLS, with its own certificate.
pub struct TlsPostgres {
    cluster: Cluster,
    folder: TempDir,
    address: Ipv4Addr,
}

impl TlsPostgres {
    /// With a database `cairn` and a role `app`, whose password is `first`; the role `cairn` needs none.
    pub async fn start() -> Self {
        spawn_blocking(Self::start_blocking)
            .await
            .unwrap()
            .set_up()
            .await
    }

    fn start_blocking() -> Self {
        let folder = tempfile::tempdir().unwrap();
        make_authority(folder.path(), "ca");
        make_authority(folder.path(), "other");
        let server = ["-CA", "ca.crt", "-CAkey", "ca.key"];
        let name = format!("subjectAltName=DNS:{NAME}");
        let leaf = [
            "-addext",
            &name,
            "-addext",
            "basicConstraints=critical,CA:FALSE",
        ];
        openssl(folder.path(), "server", &[&server[..], &leaf].concat());
        // All of 127.0.0.0/8 belongs to this machine, so the usual port is free on some address of it.
        let [_, a, b, c] = rand::random::<[u8; 4]>();
        let address = Ipv4Addr::new(127, a, b, c.clamp(2, 253));
        let listen = format!("listen_addresses={address}").leak();
        let settings = vec![&*listen, "fsync=off", "synchronous_commit=off"].leak();
        let options = Options {
            settings,
            temporary: true,
        };
        let cluster = Cluster::start(&folder.path().join("cluster"), options).unwrap();
        Self {
            cluster,
            folder,
            address,
        }
    }

    async fn set_up(self) -> Self {
        let client = connect(&self.cluster.url("postgres")).await;
        let hba =
            "local all all trust\nhostssl all cairn all trust\nhostssl all app all scram-sha-256";
        for (file, content) in [
            ("server.crt", self.read("server.crt")),
            ("server.key", self.read("server.key")),
            ("pg_hba.conf", hba.to_owned()),
        ] {
            // Postgres writes it, because only the account that it runs under may own a key.
            let copy = format!(
                "COPY (SELECT string_to_table($file${content}$file$, E'\\n'))
                 TO PROGRAM 'umask 077; cat > {file}'"
            );
            client.batch_execute(&copy).await.unwrap();
        }
        for sql in [
            "ALTER SYSTEM SET ssl = on",
            "SELECT pg_reload_conf()",
            "CREATE DATABASE cairn",
            "CREATE ROLE app LOGIN SUPERUSER PASSWORD 'first'",
        ] {
            client.batch_execute(sql).await.unwrap();
        }
        self
    }

    fn read(&self, file: &str) -> String {
        std::fs::read_to_string(self.file(file)).unwrap()
    }

    /// A file of its certificates: `ca.crt` of the CA that signed, `other.crt` of one that did not.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The database by TCP, under a name that the certificate may or may not have.
    pub fn pairs(&self, name: &str) -> String {
        format!(
            "host={name} hostaddr={} user=cairn dbname=cairn",
            self.address
        )
    }

    /// The same as a URL, with parameters of TLS.
    pub fn url(&self, parameters: &str) -> String {
        format!(
            "postgres://cairn@{NAME}/cairn?hostaddr={}{parameters}",
            self.address
        )
    }

    /// A connection without TLS.
    pub async fn superuser(&self) -> tokio_postgres::Client {
        connect(&self.cluster.url("cairn")).await
    }
}

fn make_authority(folder: &Path, name: &str) {
    openssl(folder, name, &["-addext", "keyUsage=critical,keyCertSign"]);
}

/// Creates a key and a certificate.
fn openssl(folder: &Path, name: &str, more: &[&str]) {
    let made = Command::new("openssl")
        .current_dir(folder)
        .args(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2".split(' '),
        )
        .args(["-subj", &format!("/CN=cairn test {name}")])
        .args([
            "-keyout",
            &format!("{name}.key"),
            "-out",
            &format!("{name}.crt"),
        ])
        .args(more)
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&made.stderr);
    assert!(made.status.success(), "{words}");
}
