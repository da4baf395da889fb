//! TLS on the ports: who is let in, and how certificates are exchanged while callers call.

use std::time::Duration;

use cairn_process::{ClientCertificates, serve::PortName};
use cairn_proto::v1::{WhoAmIRequest, identity_service_client::IdentityServiceClient};
use tokio::{io::AsyncReadExt, net::TcpStream, process::Command, time::timeout};
use tonic::{
    Request,
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity},
};

use harness::{
    ApiProcess, Bytes, Cairn, Certificates, Client, Setup, eventually,
    program::{self, Done},
    spec,
};

const SOON: Duration = Duration::from_secs(30);

fn secure(url: &str) -> String {
    url.replacen("http://", "https://", 1)
}

/// A Cairn whose gRPC and HTTP ports speak TLS.
async fn with_tls(certificates: &Certificates) -> Cairn {
    let tls = certificates.settings();
    let setup = Setup::on(Bytes::Files).settings(|settings| settings.tls = Some(tls));
    setup.start().await
}

fn trusting(certificates: &Certificates) -> ClientTlsConfig {
    let authority = Certificate::from_pem(certificates.read("ca.crt"));
    ClientTlsConfig::new().ca_certificate(authority)
}

/// A connection to the gRPC port.
async fn connect(cairn: &Cairn, tls: ClientTlsConfig) -> Result<Channel, tonic::transport::Error> {
    let endpoint = Endpoint::from_shared(secure(&cairn.grpc_url)).unwrap();
    endpoint.tls_config(tls).unwrap().connect().await
}

/// Asks who the caller is; whether that is answered.
async fn is_answered(cairn: &Cairn, channel: Channel) -> bool {
    let mut request = Request::new(WhoAmIRequest {});
    let key = format!("Bearer {}", cairn.key).parse().unwrap();
    request.metadata_mut().insert("authorization", key);
    IdentityServiceClient::new(channel)
        .who_am_i(request)
        .await
        .is_ok()
}

/// Whether a caller who connects now with this is answered.
async fn may_call(cairn: &Cairn, tls: ClientTlsConfig) -> bool {
    match connect(cairn, tls).await {
        Ok(channel) => is_answered(cairn, channel).await,
        Err(_) => false,
    }
}

async fn curl(certificates: &Certificates, args: &[&str]) -> Done {
    let mut command = Command::new("curl");
    command
        .args(["--silent", "--show-error", "--max-time", "30", "--cacert"])
        .arg(certificates.file("ca.crt"))
        .args(args)
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    program::run(&mut command).await
}

#[tokio::test]
async fn calls_and_links_go_over_tls_and_not_without() {
    let certificates = Certificates::of_a_server();
    let cairn = with_tls(&certificates).await;
    assert!(may_call(&cairn, trusting(&certificates)).await);
    let plain = Client::connect(&cairn.grpc_url, Some(&cairn.key)).await;
    assert!(plain.create(spec("a"), "x").await.is_err());
    let missing = format!("{}/lnk_x", secure(&cairn.http_url));
    for (version, expected) in [("--http1.1", "1.1 404"), ("--http2", "2 404")] {
        let asked = [version, "--output", "/dev/null", "--write-out"];
        let asked = [&asked[..], &["%{http_version} %{http_code}", &missing]].concat();
        let done = curl(&certificates, &asked).await.ok();
        assert_eq!(done.text(), expected, "{version}");
    }
    assert_eq!(cairn.get(&missing.replace("https", "http")).await, 0);
    // Probes stay plain by default.
    assert_eq!(cairn.get(&format!("{}/livez", cairn.ops_url)).await, 200);
}

#[tokio::test]
async fn links_begin_with_https_where_the_port_has_tls() {
    let certificates = Certificates::of_a_server();
    let cairn = with_tls(&certificates).await;
    let channel = connect(&cairn, trusting(&certificates)).await.unwrap();
    let client = Client::over(channel, Some(&cairn.key));
    let made = client.create(spec("a"), "content").await.unwrap();
    let url = client.link(&made.artifact_id).await.unwrap().url;
    assert!(url.starts_with("https://"), "{url}");
    assert_eq!(curl(&certificates, &[&url]).await.ok().text(), "content");
}

#[tokio::test]
async fn a_new_certificate_serves_new_connections() {
    let certificates = Certificates::of_a_server();
    let cairn = with_tls(&certificates).await;
    let old = connect(&cairn, trusting(&certificates)).await.unwrap();
    certificates.sign("other", "server", "IP:127.0.0.1");
    let of_other = Certificate::from_pem(certificates.read("other.crt"));
    let of_other = ClientTlsConfig::new().ca_certificate(of_other);
    eventually("the new certificate is shown", async || {
        may_call(&cairn, of_other.clone()).await
    })
    .await;
    assert!(!may_call(&cairn, trusting(&certificates)).await);
    assert!(is_answered(&cairn, old).await, "old connections go on");
}

#[tokio::test]
async fn a_certificate_that_cannot_be_used_changes_nothing() {
    let certificates = Certificates::of_a_server();
    let [cert, key] = ["server.crt", "server.key"].map(|file| certificates.file(file));
    let settings = [
        ("CAIRN_TLS_CERT_FILE", cert.to_str().unwrap()),
        ("CAIRN_TLS_KEY_FILE", key.to_str().unwrap()),
        ("CAIRN_TLS_PORTS", "http"),
        ("CAIRN_TLS_RELOAD_INTERVAL", "20ms"),
    ];
    let api = ApiProcess::start(Bytes::Files, &settings).await;
    let failing = async |failing: bool| {
        let line = format!("cairn_tls_reload_failing {}", u8::from(failing));
        eventually("the metric shows the state of the files", async || {
            api.metrics().await.lines().any(|l| l == line)
        })
        .await;
    };
    let missing = format!("https://{}/lnk_x", api.http);
    let client_key = certificates.read("client.key");
    let garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (file, content) in [
        ("server.crt", ""),
        ("server.crt", garbage),
        ("server.key", "no key"),
        // Half of a renewal.
        ("server.key", &*client_key),
    ] {
        let before = certificates.read(file);
        std::fs::write(certificates.file(file), content).unwrap();
        failing(true).await;
        curl(&certificates, &[&missing]).await.ok();
        std::fs::write(certificates.file(file), before).unwrap();
        failing(false).await;
    }
    std::fs::remove_file(&key).unwrap();
    failing(true).await;
    curl(&certificates, &[&missing]).await.ok();
    certificates.sign("ca", "server", "IP:127.0.0.1");
    failing(false).await;
    curl(&certificates, &[&missing]).await.ok();
}

#[tokio::test]
async fn clients_show_a_certificate_where_it_is_asked_for() {
    let certificates = Certificates::of_a_server();
    certificates.sign("other", "stranger", "DNS:agent");
    let mut tls = certificates.settings();
    tls.clients = Some(ClientCertificates {
        ca_file: certificates.file("ca.crt"),
        ports: vec![PortName::Grpc],
    });
    let setup = Setup::on(Bytes::Files).settings(|settings| settings.tls = Some(tls));
    let cairn = setup.start().await;
    let showing = |name: &str| {
        let [crt, key] = ["crt", "key"].map(|kind| certificates.read(&format!("{name}.{kind}")));
        trusting(&certificates).identity(Identity::from_pem(crt, key))
    };
    assert!(may_call(&cairn, showing("client")).await);
    assert!(!may_call(&cairn, showing("stranger")).await);
    assert!(!may_call(&cairn, trusting(&certificates)).await);
    // A link is for any reader.
    let missing = format!("{}/lnk_x", secure(&cairn.http_url));
    curl(&certificates, &[&missing]).await.ok();
    // The authority of clients is exchanged as well.
    let stranger = showing("stranger");
    std::fs::copy(certificates.file("other.crt"), certificates.file("ca.crt")).unwrap();
    eventually("another authority's clients are let in", async || {
        may_call(&cairn, stranger.clone()).await
    })
    .await;
}

#[tokio::test]
async fn silent_handshakes_delay_no_other_client() {
    let certificates = Certificates::of_a_server();
    let tls = certificates.settings();
    let setup = Setup::on(Bytes::Files).settings(|settings| {
        settings.tls = Some(tls);
        settings.bounds.connections = 8;
        settings.bounds.head = Duration::from_secs(2);
    });
    let cairn = setup.start().await;
    let address = cairn.grpc_url.trim_start_matches("http://").to_owned();
    let mut silent = Vec::new();
    for _ in 0..3 {
        silent.push(TcpStream::connect(&address).await.unwrap());
    }
    assert!(may_call(&cairn, trusting(&certificates)).await);
    // Half of all connections may be in a handshake. More are closed at once, and all of them in time.
    for _ in 0..8 {
        silent.push(TcpStream::connect(&address).await.unwrap());
    }
    for mut stream in silent {
        let end = timeout(SOON, stream.read(&mut [0])).await;
        assert!(matches!(end, Ok(Ok(0) | Err(_))), "it is closed: {end:?}");
    }
    eventually("there is room again", async || {
        may_call(&cairn, trusting(&certificates)).await
    })
    .await;
}
