//! What stands between a mortal replica and S3, and can do what networks and S3 servers do.

use std::{
    collections::VecDeque,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
};

use super::{Life, Step};

/// What is asked of S3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// A whole object.
    PutObject,
    /// The begin of a multipart upload.
    CreateMultipart,
    /// One of its parts.
    UploadPart,
    /// Its end, which makes the object.
    Complete,
    /// Its end, which makes none.
    Abort,
    /// The list of multipart uploads under way.
    ListUploads,
    /// The list of the parts of one of them.
    ListParts,
    /// The bytes of an object.
    Get,
    /// The size of an object.
    Head,
    /// The list of objects.
    List,
    /// The deletion of one object.
    Delete,
    /// The deletion of several objects.
    DeleteMany,
    /// Anything else.
    Other,
}

impl Operation {
    /// Of the first line of a request, such as `PUT /bucket/key?uploadId=… HTTP/1.1`.
    fn of(line: &str) -> Self {
        let mut words = line.split(' ');
        let (method, target) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let is_bucket = path.trim_matches('/').split('/').count() < 2;
        let has = |name: &str| {
            let mut pairs = query.split('&');
            pairs.any(|pair| pair.split('=').next() == Some(name))
        };
        match method {
            "PUT" if has("partNumber") => Self::UploadPart,
            "PUT" => Self::PutObject,
            "POST" if has("uploads") => Self::CreateMultipart,
            "POST" if has("uploadId") => Self::Complete,
            "POST" if has("delete") => Self::DeleteMany,
            "DELETE" if has("uploadId") => Self::Abort,
            "DELETE" => Self::Delete,
            "GET" if has("uploads") => Self::ListUploads,
            "GET" if has("uploadId") => Self::ListParts,
            "GET" if is_bucket => Self::List,
            "GET" => Self::Get,
            "HEAD" if !is_bucket => Self::Head,
            _ => Self::Other,
        }
    }
}

/// What happens to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// It never arrives.
    Lost,
    /// It is done, and the answer is lost.
    Unheard,
    /// Nothing is heard of it, and it is done when the test says so.
    Late,
    /// It is not done, and answered with this status and body.
    Refused(u16, String),
    /// It is done, and answered with this status and body all the same.
    Denied(u16, String),
    /// It is done, and the answer breaks off after so many bytes.
    BrokenOff(usize),
    /// It waits until the test says so.
    Slow,
}

impl Fault {
    /// An answer of S3's that is an error.
    pub fn refused(status: u16, code: &str) -> Self {
        Self::Refused(status, error(code))
    }

    /// It is done, and this error is answered.
    pub fn denied(status: u16, code: &str) -> Self {
        Self::Denied(status, error(code))
    }
}

fn error(code: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code><Message>as the test wants it</Message></Error>"
    )
}

/// An S3 server that does what a test tells it to.
#[derive(Clone)]
pub struct FaultyS3 {
    /// Where it listens.
    pub address: SocketAddr,
    upstream: Arc<str>,
    life: Arc<Life>,
    plan: Arc<Mutex<VecDeque<(Operation, Fault)>>>,
    late: Arc<Mutex<Vec<Vec<u8>>>>,
    seen: Arc<Mutex<Vec<Operation>>>,
    released: Arc<watch::Sender<bool>>,
}

impl FaultyS3 {
    pub(super) async fn before(upstream: &str, life: Arc<Life>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let faulty = Self {
            address: listener.local_addr().unwrap(),
            upstream: upstream.into(),
            life,
            plan: Arc::default(),
            late: Arc::default(),
            seen: Arc::default(),
            released: Arc::new(watch::channel(false).0),
        };
        let of_listener = faulty.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let faulty = of_listener.clone();
                tokio::spawn(async move {
                    tokio::select! {
                        _ = faulty.serve(client) => {}
                        () = faulty.life.end() => {}
                    }
                });
            }
        });
        faulty
    }

    /// This is what happens to the next requests of this kind, as many as are said.
    pub fn plan(&self, operation: Operation, fault: &Fault, times: usize) {
        let mut plan = self.plan.lock().unwrap();
        plan.extend((0..times).map(|_| (operation, fault.clone())));
    }

    /// Whether everything that was planned has happened.
    pub fn is_done(&self) -> bool {
        self.plan.lock().unwrap().is_empty()
    }

    /// How often this was asked for, whatever came of it.
    pub fn count(&self, operation: Operation) -> usize {
        let seen = self.seen.lock().unwrap();
        seen.iter().filter(|seen| **seen == operation).count()
    }

    /// Lets everything be done that was late.
    pub async fn deliver_late(&self) -> usize {
        let late = std::mem::take(&mut *self.late.lock().unwrap());
        for request in &late {
            forward(&self.upstream, request).await.unwrap();
        }
        late.len()
    }

    /// Lets what is slow go on.
    pub fn release(&self) {
        self.released.send_replace(true);
    }

    /// One request of a connection: every answer says that it is the last.
    async fn serve(&self, mut client: TcpStream) -> io::Result<()> {
        client.set_nodelay(true)?;
        let Some(request) = read(&mut client).await? else {
            return Ok(());
        };
        let line = request
            .split(|byte| *byte == b'\r')
            .next()
            .unwrap_or_default();
        let operation = Operation::of(&String::from_utf8_lossy(line));
        self.seen.lock().unwrap().push(operation);
        // Whether the bucket is there is asked all the time, and changes nothing.
        let step = match operation {
            Operation::Other => Step::More,
            _ => self.life.step(),
        };
        if step == Step::None {
            return Ok(());
        }
        let answer = self.answer(operation, request).await?;
        if step == Step::Last {
            self.life.last().await;
        }
        if let Some(answer) = answer {
            client.write_all(&answer).await?;
            client.shutdown().await?;
        }
        Ok(())
    }

    /// What is answered, if anything is.
    async fn answer(&self, operation: Operation, request: Vec<u8>) -> io::Result<Option<Vec<u8>>> {
        let fault = self.fault(operation);
        match &fault {
            Some(Fault::Lost) => return Ok(None),
            Some(Fault::Late) => {
                self.late.lock().unwrap().push(request);
                return Ok(None);
            }
            Some(Fault::Refused(status, body)) => return Ok(Some(answer(*status, body))),
            Some(Fault::Slow) => {
                let mut released = self.released.subscribe();
                let _ = released.wait_for(|released| *released).await;
            }
            _ => {}
        }
        let mut done = forward(&self.upstream, &request).await?;
        Ok(match fault {
            Some(Fault::Unheard) => None,
            Some(Fault::Denied(status, body)) => Some(answer(status, &body)),
            Some(Fault::BrokenOff(bytes)) => {
                done.truncate(bytes);
                Some(done)
            }
            _ => Some(done),
        })
    }

    fn fault(&self, operation: Operation) -> Option<Fault> {
        let mut plan = self.plan.lock().unwrap();
        let at = plan.iter().position(|(planned, _)| *planned == operation)?;
        plan.remove(at).map(|(_, fault)| fault)
    }
}

/// A whole request, with its body; the SDK says how long each is.
async fn read(client: &mut TcpStream) -> io::Result<Option<Vec<u8>>> {
    let mut request = Vec::new();
    let head = loop {
        if client.read_buf(&mut request).await? == 0 {
            return Ok(None);
        }
        if let Some(at) = request.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
    };
    let text = String::from_utf8_lossy(&request[..head]).to_ascii_lowercase();
    let length = text
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"))
        .map_or(0, |length| length.trim().parse().unwrap());
    while request.len() < head + length {
        if client.read_buf(&mut request).await? == 0 {
            return Ok(None);
        }
    }
    Ok(Some(request))
}

/// Has the server do it, on a connection of its own, and returns the whole answer.
async fn forward(upstream: &str, request: &[u8]) -> io::Result<Vec<u8>> {
    let mut server = TcpStream::connect(upstream).await?;
    server.set_nodelay(true)?;
    let line = request.windows(2).position(|two| two == b"\r\n").unwrap() + 2;
    server.write_all(&request[..line]).await?;
    // Not among the headers that are signed.
    server.write_all(b"connection: close\r\n").await?;
    server.write_all(&request[line..]).await?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer).await?;
    Ok(answer)
}

fn answer(status: u16, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "HTTP/1.1 {status} As The Test Wants\r\ncontent-type: application/xml\r\ncontent-length: {length}\r\n\
         connection: close\r\n\r\n{body}"
    )
    .into_bytes()
}
