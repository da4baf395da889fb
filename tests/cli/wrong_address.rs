//! The command at an address that is not Cairn's gRPC port.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::{Shell, start};

#[tokio::test]
async fn at_a_port_of_cairn_that_is_another_it_says_what_is_wrong() {
    let (cairn, _) = start().await;
    for url in [&cairn.http_url, &cairn.ops_url] {
        let shell = Shell::at(url, &cairn.key).await;
        shell.write("a.txt", "a");
        shell.write("b.bin", vec![7; 3 << 20]);
        for verb in [
            &["whoami"][..],
            &["push", "a.txt"],
            &["push", "b.bin"],
            &["pull", "--session=run", "-o", "in"],
            &["pull", "art_0123456789abcdef"],
        ] {
            let done = shell.run(verb).await.with_code(1);
            let done = done.saying(&format!("{url} is no Cairn: it answers as a web server"));
            done.saying("--addr or CAIRN_ADDR");
        }
    }
}

/// A shell at a server that answers everything with these bytes.
async fn before(scheme: &str, answer: &'static [u8]) -> Shell {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let _ = stream.read(&mut [0; 1024]).await;
                let _ = stream.write_all(answer).await;
                // Until the other end has read it.
                while stream.read(&mut [0; 1024]).await.is_ok_and(|n| n > 0) {}
            });
        }
    });
    Shell::at(&format!("{scheme}://{address}"), "key").await
}

#[tokio::test]
async fn at_a_server_that_speaks_something_else_it_says_what_is_wrong() {
    let settings = &[0, 0, 0, 4, 0, 0, 0, 0, 0];
    let alert = &[0x15, 3, 1, 0, 2, 2, 10];
    for (scheme, answer, words) in [
        (
            "http",
            &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..],
            "does not speak gRPC",
        ),
        ("http", b"SSH-2.0-OpenSSH_9.9\r\n", "does not speak gRPC"),
        ("http", alert, "use https:// instead of http://"),
        ("https", settings, "use http:// instead of https://"),
        (
            "https",
            b"HTTP/1.1 400 Bad Request\r\n\r\n",
            "use http:// instead of https://",
        ),
    ] {
        let shell = before(scheme, answer).await;
        let done = shell.run(&["whoami"]).await.with_code(1);
        done.saying("is no Cairn: it").saying(words);
    }
}
