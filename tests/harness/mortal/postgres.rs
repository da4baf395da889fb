//! The proxy between a mortal replica and Postgres.

use std::{io, path::PathBuf, sync::Arc};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UnixStream},
};
use tokio_postgres::{Config, config::Host};

use super::{Life, Step};

/// The URL of the same database, for a replica with this life.
pub(super) async fn before(url: &str, life: Arc<Life>) -> String {
    let config: Config = url.parse().unwrap();
    let [Host::Unix(folder)] = config.get_hosts() else {
        panic!("not a unix socket: {url}");
    };
    let socket = folder.join(".s.PGSQL.5432");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let (socket, life) = (socket.clone(), Arc::clone(&life));
            tokio::spawn(async move {
                tokio::select! {
                    _ = pass(client, socket, &life) => {}
                    () = life.end() => {}
                }
            });
        }
    });
    format!(
        "host={} port={} user={} dbname={} sslmode=disable",
        address.ip(),
        address.port(),
        config.get_user().unwrap(),
        config.get_dbname().unwrap()
    )
}

async fn pass(mut client: TcpStream, socket: PathBuf, life: &Life) -> io::Result<()> {
    if life.is_over() {
        return Ok(());
    }
    client.set_nodelay(true)?;
    let mut server = UnixStream::connect(socket).await?;
    // The first message has no type: its length, and the rest.
    let length = client.read_u32().await?;
    let mut startup = length.to_be_bytes().to_vec();
    startup.resize(length as usize, 0);
    client.read_exact(&mut startup[4..]).await?;
    server.write_all(&startup).await?;

    let (mut asking, mut answering) = (Messages::default(), Messages::default());
    // Executing a statement is a step, and preparing one is not.
    let mut executes = false;
    // The first one is the answer to the startup.
    let mut unanswered = 1;
    loop {
        tokio::select! {
            more = asking.read(&mut client) => if !more? { return Ok(()) },
            more = answering.read(&mut server) => if !more? { return Ok(()) },
        }
        while let Some(message) = answering.next() {
            unanswered -= usize::from(message[0] == b'Z');
            client.write_all(&message).await?;
        }
        while let Some(message) = asking.next() {
            executes |= message[0] == b'E';
            let asks = matches!(message[0], b'S' | b'Q');
            let acts = message[0] == b'Q' || (message[0] == b'S' && executes);
            if asks {
                executes = false;
            }
            let step = if acts { life.step() } else { Step::More };
            if step == Step::None {
                return Ok(());
            }
            unanswered += usize::from(asks);
            server.write_all(&message).await?;
            if step == Step::Last {
                let mut unheard = Vec::new();
                while unanswered > 0 && answering.read(&mut server).await? {
                    while let Some(message) = answering.next() {
                        unanswered -= usize::from(message[0] == b'Z');
                        unheard.extend(message);
                    }
                }
                life.last().await;
                client.write_all(&unheard).await?;
            }
        }
    }
}

/// Bytes in transit, split into messages: a type, the length including itself, the rest.
#[derive(Default)]
struct Messages(Vec<u8>);

impl Messages {
    /// False at the end. Can be cancelled: what was read is kept.
    async fn read(&mut self, from: &mut (impl AsyncReadExt + Unpin)) -> io::Result<bool> {
        Ok(from.read_buf(&mut self.0).await? > 0)
    }

    fn next(&mut self) -> Option<Vec<u8>> {
        let length = self.0.get(1..5)?;
        let length = u32::from_be_bytes(length.try_into().unwrap()) as usize + 1;
        (self.0.len() >= length).then(|| self.0.drain(..length).collect())
    }
}
