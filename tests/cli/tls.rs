//! The command over TLS.

use harness::{Bytes, Certificates, Setup, Shell};

use cairn_process::{ClientCertificates, serve::PortName};

#[tokio::test]
async fn the_command_trusts_the_authority_that_it_is_given() {
    let certificates = Certificates::of_a_server();
    let tls = certificates.settings();
    let setup = Setup::on(Bytes::Files).settings(|settings| settings.tls = Some(tls));
    let cairn = setup.start().await;
    let address = cairn.grpc_url.replace("http://", "https://");
    let shell = Shell::at(&address, &cairn.key).await;
    let [ca, other] = ["ca.crt", "other.crt"].map(|name| certificates.file(name));
    let (ca, other) = (ca.to_str().unwrap(), other.to_str().unwrap());
    let known = shell.json(&["whoami", "--ca-file", ca]).await;
    assert_eq!(known["tenant_name"], "acme");
    for wrong in [&["whoami"][..], &["whoami", "--ca-file", other]] {
        let done = shell.run(wrong).await.with_code(3);
        assert!(done.stderr.contains("certificate"), "{done:?}");
    }
    let no_certificate = certificates.file("ca.key");
    let no_certificate = ["whoami", "--ca-file", no_certificate.to_str().unwrap()];
    shell
        .run(&no_certificate)
        .await
        .with_code(1)
        .saying("certificate");
    // An authority that would not be asked is no authority.
    let plain = Shell::at(&cairn.grpc_url, &cairn.key).await;
    let done = plain.run(&["whoami", "--ca-file", ca]).await;
    done.with_code(1).saying("https://");
}

#[tokio::test]
async fn the_command_shows_its_certificate_to_a_server_that_asks() {
    let certificates = Certificates::of_a_server();
    let mut tls = certificates.settings();
    tls.clients = Some(ClientCertificates {
        ca_file: certificates.file("ca.crt"),
        ports: vec![PortName::Grpc],
    });
    let setup = Setup::on(Bytes::Files).settings(|settings| settings.tls = Some(tls));
    let cairn = setup.start().await;
    let address = cairn.grpc_url.replace("http://", "https://");
    let shell = Shell::at(&address, &cairn.key).await;
    let files = ["ca.crt", "client.crt", "client.key"].map(|name| certificates.file(name));
    let [ca, cert, key] = files.each_ref().map(|file| file.to_str().unwrap());
    let trusting = ["whoami", "--ca-file", ca];
    // The server ends the connection after the handshake, as RFC 8446 section 4.4.2.4 has it.
    shell.run(&trusting).await.with_code(3);
    let half = [&trusting[..], &["--client-cert", cert]].concat();
    shell.run(&half).await.with_code(1).saying("--client-key");
    let whole = [&half[..], &["--client-key", key]].concat();
    assert_eq!(shell.json(&whole).await["tenant_name"], "acme");
}

#[tokio::test]
async fn a_key_sent_in_plain_text_to_another_machine_is_warned_of() {
    const WARNING: &str = "unencrypted";
    // No name below `invalid` is any machine's.
    let shell = Shell::at("http://cairn.invalid:7070", "cairn_key").await;
    let done = shell.run(&["whoami"]).await;
    assert_eq!(done.stderr.matches(WARNING).count(), 1, "{done:?}");
    let allowed = shell.run(&["whoami", "--allow-plaintext"]).await;
    assert!(!allowed.stderr.contains(WARNING), "{allowed:?}");
    for (value, warnings) in [("true", 0), ("1", 0), ("", 1)] {
        let mut by_variable = shell.cairn(&["whoami"]);
        by_variable.env("CAIRN_ALLOW_PLAINTEXT", value);
        let done = harness::program::run(&mut by_variable).await;
        assert_eq!(
            done.stderr.matches(WARNING).count(),
            warnings,
            "{value}: {done:?}"
        );
    }
    let secure = Shell::at("https://cairn.invalid:7070", "cairn_key").await;
    let done = secure.run(&["whoami"]).await;
    assert!(!done.stderr.contains(WARNING), "{done:?}");
}
