//! Listens to the requests to Postgres: how many statements, and in how many round trips.

use std::{
    collections::HashMap,
    mem,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, UnixStream},
};
use tokio_postgres::{Config, config::Host};

/// Requests for encryption, by TLS or GSSAPI; the answer is one byte.
const ENCRYPTIONS: [u32; 2] = [80_877_103, 80_877_104];

/// What was requested.
#[derive(Debug, Default)]
pub struct Asked {
    /// How often the client waited for an answer. A request that is sent while another answer is awaited adds no wait.
    pub trips: usize,
    /// The executed statements, in order.
    pub statements: Vec<String>,
}

/// A proxy before Postgres that listens.
#[derive(Debug, Clone, Default)]
pub struct Wire(Arc<Mutex<Asked>>);

impl Wire {
    /// The URL of a database through this proxy.
    pub async fn before(url: &str) -> (String, Self) {
        let config: Config = url.parse().unwrap();
        let [Host::Unix(folder)] = config.get_hosts() else {
            panic!("not a unix socket: {url}");
        };
        let socket = folder.join(".s.PGSQL.5432");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let wire = Self::default();
        let of_listener = wire.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                client.set_nodelay(true).unwrap();
                tokio::spawn(of_listener.clone().pass(client, socket.clone()));
            }
        });
        let url = format!(
            "host={} port={} user={} dbname={}",
            address.ip(),
            address.port(),
            config.get_user().unwrap(),
            config.get_dbname().unwrap()
        );
        (url, wire)
    }

    /// What was requested since the last call.
    pub fn take(&self) -> Asked {
        mem::take(&mut self.0.lock().unwrap())
    }

    async fn pass(self, client: tokio::net::TcpStream, socket: PathBuf) {
        let server = UnixStream::connect(socket).await.unwrap();
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        let connection = Arc::new(Mutex::new(Connection::default()));
        let of_client = connection.clone();
        let asked = self.0.clone();
        let up = copy(from_client, to_server, move |bytes| {
            of_client.lock().unwrap().ask(bytes, &asked);
        });
        let down = copy(from_server, to_client, move |bytes| {
            connection.lock().unwrap().answer(bytes);
        });
        tokio::select! {
            () = up => {}
            () = down => {}
        }
    }
}

async fn copy(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut hear: impl FnMut(&[u8]),
) {
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        hear(&bytes[..count]);
        if to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}

/// The state of a connection.
#[derive(Debug, Default)]
struct Connection {
    /// Incomplete messages.
    asked: Vec<u8>,
    answered: Vec<u8>,
    /// Whether the first message, which has no type, is over.
    began: bool,
    /// One-byte answers that are due.
    bytes_due: usize,
    /// Answers that are awaited.
    awaited: usize,
    /// The prepared statements, by name.
    prepared: HashMap<Vec<u8>, String>,
    /// The last bound statement.
    bound: String,
}

impl Connection {
    fn ask(&mut self, bytes: &[u8], asked: &Mutex<Asked>) {
        self.asked.extend_from_slice(bytes);
        while !self.began {
            let Some(first) = first_message(&mut self.asked) else {
                return;
            };
            let code = u32::from_be_bytes(first[4..8].try_into().unwrap());
            if ENCRYPTIONS.contains(&code) {
                self.bytes_due += 1;
            } else {
                self.began = true;
                self.awaited += 1;
            }
        }
        while let Some((kind, body)) = message(&mut self.asked) {
            let mut asked = asked.lock().unwrap();
            match kind {
                b'P' => {
                    let mut strings = body.split(|byte| *byte == 0);
                    let name = strings.next().unwrap().to_vec();
                    let sql = String::from_utf8(strings.next().unwrap().to_vec()).unwrap();
                    self.prepared.insert(name, sql);
                }
                b'B' => {
                    let name = body.split(|byte| *byte == 0).nth(1).unwrap();
                    self.bound = self.prepared[name].clone();
                }
                b'E' => asked.statements.push(self.bound.clone()),
                b'Q' => {
                    let sql = String::from_utf8_lossy(&body[..body.len() - 1]);
                    asked.statements.push(sql.into_owned());
                }
                _ => {}
            }
            if matches!(kind, b'Q' | b'S') {
                if self.awaited == 0 {
                    asked.trips += 1;
                }
                self.awaited += 1;
            }
        }
    }

    fn answer(&mut self, bytes: &[u8]) {
        let due = self.bytes_due.min(bytes.len());
        self.bytes_due -= due;
        self.answered.extend_from_slice(&bytes[due..]);
        while let Some((kind, _)) = message(&mut self.answered) {
            if kind == b'Z' {
                self.awaited -= 1;
            }
        }
    }
}

/// Takes the first message of a connection, which begins with its length.
fn first_message(bytes: &mut Vec<u8>) -> Option<Vec<u8>> {
    let length = u32::from_be_bytes(bytes.get(..4)?.try_into().unwrap()) as usize;
    (bytes.len() >= length).then(|| bytes.drain(..length).collect())
}

/// Takes a message, once it is complete: its type and content.
fn message(bytes: &mut Vec<u8>) -> Option<(u8, Vec<u8>)> {
    let length = u32::from_be_bytes(bytes.get(1..5)?.try_into().unwrap()) as usize;
    if bytes.len() < 1 + length {
        return None;
    }
    let message: Vec<u8> = bytes.drain(..1 + length).collect();
    Some((message[0], message[5..].to_vec()))
}
