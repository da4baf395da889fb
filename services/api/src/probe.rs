//! The probe as a command, for health checks of containers without any other program.

use std::{io, net::SocketAddr, time::Duration};

use cairn_process::{TlsSettings, serve::PortName, tls::to_own_port};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// How long the instance may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks `/readyz` of the instance whose probes are served at `ops` and that has these settings of TLS.
///
/// # Errors
/// If it is not ready, or does not answer.
pub async fn probe(ops: SocketAddr, tls: Option<TlsSettings>) -> io::Result<()> {
    let answer = timeout(PATIENCE, connect(ops, tls)).await??;
    // HTTP/1.1 200 OK
    match answer.split(' ').nth(1) {
        Some("200") => Ok(()),
        _ => Err(io::Error::other(format!("{ops} is not ready"))),
    }
}

async fn connect(ops: SocketAddr, tls: Option<TlsSettings>) -> io::Result<String> {
    // A listener on every address is reachable at this machine's own.
    let stream = TcpStream::connect(ops).await?;
    match tls.filter(|tls| tls.ports.contains(&PortName::Ops)) {
        Some(tls) => ask(to_own_port(&tls, stream).await?).await,
        None => ask(stream).await,
    }
}

async fn ask(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<String> {
    stream
        .write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}
