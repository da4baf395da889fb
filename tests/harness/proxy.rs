//! A proxy between Cairn and a service that it depends on, which can fail.

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream, UnixStream},
    sync::watch,
};

/// The target of a proxy.
#[derive(Debug, Clone)]
enum Upstream {
    Tcp(String),
    Unix(PathBuf),
}

/// When a connection is cut.
#[derive(Debug)]
struct Break {
    /// After so many more bytes of answers.
    left: usize,
    /// Whether all connections are, and no new ones come about.
    cuts: bool,
}

/// A proxy that passes everything on, until a test changes that.
#[derive(Debug, Clone)]
pub struct Proxy {
    /// Where it listens.
    pub address: SocketAddr,
    up: Arc<watch::Sender<bool>>,
    ambush: Arc<Mutex<Option<&'static [u8]>>>,
    answer: Arc<Mutex<Option<(&'static str, String)>>>,
    hold: Arc<watch::Sender<Hold>>,
    answers: Arc<watch::Sender<Answers>>,
    /// The heads of requests of HTTP.
    heads: Arc<Mutex<Vec<String>>>,
    /// How many bytes of answers were passed on.
    passed: Arc<AtomicU64>,
    /// After how many more bytes of answers their connection is cut.
    break_after: Arc<Mutex<Option<Break>>>,
}

/// What happens to answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answers {
    Passed,
    /// Passed on after this time.
    Late(Duration),
    /// Read from the server and kept, while requests are acknowledged.
    Kept,
}

/// Requests that are held back.
#[derive(Debug, Clone, Copy, Default)]
struct Hold {
    request: Option<&'static str>,
    holds: bool,
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// The end of Postgres' answer to every query: it is ready for the next, outside of any transaction.
const READY_FOR_QUERY: &[u8] = b"Z\0\0\0\x05I";

impl Proxy {
    /// One before a server at an address.
    pub async fn before_tcp(address: &str) -> Self {
        Self::before(Upstream::Tcp(address.to_owned())).await
    }

    /// One before a server at a Unix socket.
    pub async fn before_unix(socket: PathBuf) -> Self {
        Self::before(Upstream::Unix(socket)).await
    }

    async fn before(upstream: Upstream) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Self {
            address: listener.local_addr().unwrap(),
            up: Arc::new(watch::channel(true).0),
            ambush: Arc::default(),
            answer: Arc::default(),
            hold: Arc::new(watch::channel(Hold::default()).0),
            answers: Arc::new(watch::channel(Answers::Passed).0),
            heads: Arc::default(),
            passed: Arc::default(),
            break_after: Arc::default(),
        };
        let of_listener = proxy.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(of_listener.clone().pass(client, upstream.clone()));
            }
        });
        proxy
    }

    /// Cuts every connection, and every new one, until `restore`.
    pub fn cut(&self) {
        self.up.send_replace(false);
    }

    /// Passes everything on again.
    pub fn restore(&self) {
        self.up.send_replace(true);
    }

    /// Cuts the connection that has passed on so many more bytes of answers; new ones continue.
    pub fn break_after(&self, bytes: usize) {
        let left = bytes;
        *self.break_after.lock().unwrap() = Some(Break { left, cuts: false });
    }

    /// Cuts every connection once so many more bytes of answers were passed on, and refuses new ones.
    pub fn cut_after(&self, bytes: usize) {
        let left = bytes;
        *self.break_after.lock().unwrap() = Some(Break { left, cuts: true });
    }

    /// Whether that has happened since.
    pub fn has_broken(&self) -> bool {
        self.break_after.lock().unwrap().is_none()
    }

    /// The heads of the requests of HTTP that came, in lower case.
    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }

    fn note_head(&self, sent: &[u8]) {
        let text = String::from_utf8_lossy(sent);
        if let Some((head, _)) = text.split_once("\r\n\r\n")
            && head.contains(" HTTP/1.1\r\n")
        {
            self.heads.lock().unwrap().push(head.to_lowercase());
        }
    }

    /// How many bytes of answers were passed on.
    pub fn passed(&self) -> u64 {
        self.passed.load(Ordering::Relaxed)
    }

    /// Counts these bytes of answers, and returns how many of them are passed on before the connection is cut.
    fn breaks_within(&self, bytes: usize) -> Option<usize> {
        let mut next = self.break_after.lock().unwrap();
        let within = next.take_if(|next| next.left <= bytes);
        if let Some(next) = &mut *next {
            next.left -= bytes;
        }
        if within.as_ref().is_some_and(|next| next.cuts) {
            self.cut();
        }
        let within = within.map(|next| next.left);
        self.passed
            .fetch_add(within.unwrap_or(bytes) as u64, Ordering::Relaxed);
        within
    }

    /// The next time that a client of Postgres sends these bytes, Postgres executes them, and the client's connection
    /// is cut before the answer.
    pub fn lose_answer_to(&self, bytes: &'static [u8]) {
        *self.ambush.lock().unwrap() = Some(bytes);
    }

    /// Whether an answer has been lost since.
    pub fn has_lost_it(&self) -> bool {
        self.ambush.lock().unwrap().is_none()
    }

    /// From now on answers HTTP requests that contain this itself, with this status and body.
    pub fn answer_itself(&self, request: &'static str, status: &str, body: &str) {
        let answer = format!(
            "HTTP/1.1 {status}\r\ndate: {}\r\ncontent-type: application/xml\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            jiff::Timestamp::now().strftime("%a, %d %b %Y %H:%M:%S GMT"),
            body.len()
        );
        *self.answer.lock().unwrap() = Some((request, answer));
    }

    /// Passes everything on again.
    pub fn answer_nothing(&self) {
        *self.answer.lock().unwrap() = None;
    }

    /// From now on passes answers on late.
    pub fn delay_answers(&self, by: Duration) {
        self.answers.send_replace(Answers::Late(by));
    }

    /// From now on acknowledges requests and passes no answer on, like a host that vanished.
    pub fn keep_answers(&self) {
        self.answers.send_replace(Answers::Kept);
    }

    /// Passes answers on, at once.
    pub fn pass_answers(&self) {
        self.answers.send_replace(Answers::Passed);
    }

    async fn wait_to_answer(&self) {
        let mut answers = self.answers.subscribe();
        let now = *answers.borrow_and_update();
        match now {
            Answers::Passed => {}
            Answers::Late(by) => tokio::time::sleep(by).await,
            Answers::Kept => {
                let _ = answers.wait_for(|now| *now != Answers::Kept).await;
            }
        }
    }

    /// From now on holds HTTP requests that contain this.
    pub fn hold(&self, request: &'static str) {
        self.hold.send_replace(Hold {
            request: Some(request),
            holds: false,
        });
    }

    /// Whether a request is held back.
    pub fn holds(&self) -> bool {
        self.hold.borrow().holds
    }

    /// Passes on the held requests.
    pub fn release(&self) {
        self.hold.send_replace(Hold::default());
    }

    async fn wait_if_held(&self, sent: &[u8]) {
        let is_meant = |hold: &Hold| {
            let request = hold.request.map(str::as_bytes);
            request.is_some_and(|request| sent.windows(request.len()).any(|w| w == request))
        };
        if is_meant(&self.hold.borrow()) {
            self.hold.send_modify(|hold| hold.holds = true);
            let mut hold = self.hold.subscribe();
            let _ = hold.wait_for(|hold| !is_meant(hold)).await;
        }
    }

    fn own_answer(&self, sent: &[u8]) -> Option<String> {
        let answer = self.answer.lock().unwrap();
        let (request, answer) = answer.as_ref()?;
        let mut windows = sent.windows(request.len());
        windows
            .any(|window| window == request.as_bytes())
            .then(|| answer.clone())
    }

    async fn pass(self, mut client: TcpStream, upstream: Upstream) {
        let mut up = self.up.subscribe();
        if !*up.borrow_and_update() {
            return;
        }
        let server: std::io::Result<Box<dyn Stream>> = match upstream {
            Upstream::Tcp(address) => TcpStream::connect(address).await.map(|s| Box::new(s) as _),
            Upstream::Unix(path) => UnixStream::connect(path).await.map(|s| Box::new(s) as _),
        };
        let Ok(mut server) = server else { return };
        tokio::select! {
            _ = self.copy(&mut client, &mut server) => {}
            _ = up.wait_for(|up| !up) => {}
        }
    }

    async fn copy(
        &self,
        client: &mut TcpStream,
        server: &mut Box<dyn Stream>,
    ) -> std::io::Result<()> {
        let (mut asked, mut answered) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
        loop {
            tokio::select! {
                n = client.read(&mut asked) => {
                    let n = n?;
                    if n == 0 {
                        return Ok(());
                    }
                    self.note_head(&asked[..n]);
                    if let Some(answer) = self.own_answer(&asked[..n]) {
                        client.write_all(answer.as_bytes()).await?;
                        // Reads what is still being sent, so that a reset does not lose the answer.
                        client.shutdown().await?;
                        while client.read(&mut asked).await? > 0 {}
                        return Ok(());
                    }
                    self.wait_if_held(&asked[..n]).await;
                    let caught = self.is_caught(&asked[..n]);
                    server.write_all(&asked[..n]).await?;
                    if caught {
                        return self.swallow(server).await;
                    }
                }
                n = server.read(&mut answered) => {
                    let n = n?;
                    if n == 0 {
                        return Ok(());
                    }
                    self.wait_to_answer().await;
                    if let Some(n) = self.breaks_within(n) {
                        client.write_all(&answered[..n]).await?;
                        return Ok(());
                    }
                    client.write_all(&answered[..n]).await?;
                }
            }
        }
    }

    fn is_caught(&self, sent: &[u8]) -> bool {
        let ambush = self.ambush.lock().unwrap();
        ambush.is_some_and(|bytes| sent.windows(bytes.len()).any(|window| window == bytes))
    }

    async fn swallow(&self, server: &mut Box<dyn Stream>) -> std::io::Result<()> {
        let mut answer = Vec::new();
        while !answer.ends_with(READY_FOR_QUERY) {
            server.read_buf(&mut answer).await?;
        }
        *self.ambush.lock().unwrap() = None;
        Ok(())
    }
}
