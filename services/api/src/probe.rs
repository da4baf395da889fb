//! The probe as a command, for health checks of containers without any other program.

use std::{io, net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// How long the instance may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks `/readyz` of the instance whose probes are served at `ops`.
///
/// # Errors
/// If it is not ready, or does not answer.
pub async fn probe(ops: SocketAddr) -> io::Result<()> {
    let answer = timeout(PATIENCE, ask(ops)).await??;
    // HTTP/1.1 200 OK
    match answer.split(' ').nth(1) {
        Some("200") => Ok(()),
        _ => Err(io::Error::other(format!("{ops} is not ready"))),
    }
}

async fn ask(ops: SocketAddr) -> io::Result<String> {
    // A listener on every address is reachable at this machine's own.
    let mut stream = TcpStream::connect(ops).await?;
    stream
        .write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}
