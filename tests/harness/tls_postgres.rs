//! A Postgres that accepts only TLS over TCP, with a certificate of a private CA.

use std::{net::Ipv4Addr, path::PathBuf};

use cairn_cli::cluster::{Cluster, Options};
use tokio::task::spawn_blocking;

use super::{Certificates, postgres::connect};

/// The name in the certificate.
pub const NAME: &str = "postgres.cairn.test";

/// A Postgres that requires TLS, with its own certificate.
pub struct TlsPostgres {
    cluster: Cluster,
    certificates: Certificates,
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
        let certificates = Certificates::make();
        certificates.sign("ca", "server", &format!("DNS:{NAME}"));
        // All of 127.0.0.0/8 belongs to this machine, so the usual port is free on some address of it.
        let [_, a, b, c] = rand::random::<[u8; 4]>();
        let address = Ipv4Addr::new(127, a, b, c.clamp(2, 253));
        let listen = format!("listen_addresses={address}").leak();
        let settings = vec![&*listen, "fsync=off", "synchronous_commit=off"].leak();
        let options = Options {
            settings,
            temporary: true,
        };
        let cluster = Cluster::start(&certificates.folder().join("cluster"), options).unwrap();
        Self {
            cluster,
            certificates,
            address,
        }
    }

    async fn set_up(self) -> Self {
        let client = connect(&self.cluster.url("postgres")).await;
        let hba =
            "local all all trust\nhostssl all cairn all trust\nhostssl all app all scram-sha-256";
        for (file, content) in [
            ("server.crt", self.certificates.read("server.crt")),
            ("server.key", self.certificates.read("server.key")),
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

    /// A file of its certificates: `ca.crt` of the CA that signed, `other.crt` of one that did not.
    pub fn file(&self, name: &str) -> PathBuf {
        self.certificates.file(name)
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
