//! Everything of a session as one ZIP archive, which every program can unpack and none can be misled by.

use std::{collections::BTreeMap, fs, path::Path};

use cairn_proto::v1::{ArtifactSpec, CreateLinkRequest};
use futures_util::future::join_all;
use reqwest::Method;
use tempfile::TempDir;
use tokio::process::Command;

use super::{error_code, header, request, send, sessions::share};
use harness::{ApiProcess, Bytes, Cairn, Setup, content, program, session_spec};

harness::on_s3_and_files!(an_archive_has_the_files_of_a_session);

const MEBIBYTE: u64 = 1 << 20;

/// Files by their paths.
type Files = BTreeMap<String, Vec<u8>>;

fn files_in(folder: &Path) -> Files {
    let mut files = Files::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let kind = fs::symlink_metadata(&path).unwrap().file_type();
            if kind.is_dir() {
                folders.push(path);
            } else {
                assert!(kind.is_file(), "{}", path.display());
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap();
                files.insert(name.to_owned(), fs::read(&path).unwrap());
            }
        }
    }
    files
}

/// What each program makes of an archive. bsdtar reads it as a stream, too, which has no end to look at first.
async fn unpacked(archive: &[u8]) -> Vec<(&'static str, Files)> {
    let folder = TempDir::new().unwrap();
    let zip = folder.path().join("all.zip");
    fs::write(&zip, archive).unwrap();
    let test = ["-tqq".as_ref(), zip.as_os_str()];
    let tested = tool("unzip").args(test).output().await.unwrap();
    assert!(tested.status.success(), "{tested:?}");
    let python = program::of_environment("python", "python");
    let mut found = Vec::new();
    for name in ["unzip", "bsdtar", "bsdtar as a stream", "Python", "7z"] {
        let into = folder.path().join(name);
        fs::create_dir(&into).unwrap();
        let mut command = match name {
            "Python" => {
                let mut python = program::command(&python);
                python.args(["-m", "zipfile", "-e"]).arg(&zip).arg(".");
                python
            }
            "7z" => {
                let mut command = tool(name);
                command.args(["x", "-bd"]).arg(&zip);
                command
            }
            "bsdtar as a stream" => {
                let mut command = tool("bsdtar");
                command
                    .args(["-xf", "-"])
                    .stdin(fs::File::open(&zip).unwrap());
                command
            }
            "bsdtar" => {
                let mut command = tool(name);
                command.arg("-xf").arg(&zip);
                command
            }
            _ => {
                let mut command = tool(name);
                command.arg("-qq").arg(&zip);
                command
            }
        };
        let done = command.current_dir(&into).output().await.unwrap();
        assert!(done.status.success(), "{name}: {done:?}");
        found.push((name, files_in(&into)));
    }
    found
}

/// A program that must be there.
fn tool(name: &str) -> Command {
    let path = Path::new("/usr/bin").join(name);
    let missing = "is missing: scripts/bootstrap test installs it";
    assert!(path.exists(), "{name} {missing}");
    let mut command = program::command(&path);
    // Names are UTF-8.
    command.env("LC_ALL", "C.UTF-8");
    command
}

async fn assert_unpacks_to(archive: &[u8], expected: &Files) {
    for (name, found) in unpacked(archive).await {
        let names = |files: &Files| files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&found), names(expected), "{name}");
        assert!(found == *expected, "{name} finds other bytes");
    }
}

/// The archive of a link, and its tag.
async fn archive(url: &str) -> (Vec<u8>, String) {
    let answer = request(&format!("{url}?download"), &[]).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(header(&answer, "content-type"), "application/zip");
    assert_eq!(header(&answer, "accept-ranges"), "bytes");
    let [tag, length] = ["etag", "content-length"].map(|name| header(&answer, name).to_owned());
    let bytes = answer.bytes().await.unwrap().to_vec();
    assert_eq!(length, bytes.len().to_string());
    (bytes, tag)
}

async fn put(cairn: &Cairn, run: &str, files: &Files) {
    for (name, bytes) in files {
        let spec = session_spec(name, run);
        cairn.client.upload(spec, bytes.clone()).await.unwrap();
    }
}

fn of_sizes(sizes: &[(&str, usize)]) -> Files {
    let files = sizes.iter();
    files
        .map(|(name, size)| ((*name).to_owned(), content(*size)))
        .collect()
}

async fn an_archive_has_the_files_of_a_session(bytes: Bytes) {
    let cairn = Setup::on(bytes).start().await;
    let files = of_sizes(&[
        ("empty", 0),
        ("a.txt", 5),
        ("Übersicht 一.md", 20_000),
        ("out/data.bin", 100_000),
        ("out/deep/er/large.bin", 9 << 20),
        ("out/same.bin", 100_000),
    ]);
    // An earlier version, which is not in it.
    let spec = session_spec("a.txt", "run");
    cairn.client.create(spec, "first").await.unwrap();
    put(&cairn, "run", &files).await;
    put(&cairn, "other", &of_sizes(&[("other.txt", 10)])).await;

    let link = share(&cairn, "run", "").await;
    let (whole, tag) = archive(&link.url).await;
    assert_unpacks_to(&whole, &files).await;
    let url = format!("{}?download", link.url);
    let head = send(Method::HEAD, &url, &[]).await;
    assert_eq!(header(&head, "content-length"), whole.len().to_string());
    assert_eq!(
        header(&head, "content-disposition"),
        "attachment; filename=\"run.zip\"; filename*=UTF-8''run.zip"
    );
    assert_eq!(header(&head, "x-content-type-options"), "nosniff");
    let same = request(&url, &[("if-none-match", &tag)]).await;
    assert_eq!(same.status(), 304);

    // Names begin at the folder.
    let of_folder = request(&format!("{}?folder=out&download", link.url), &[]).await;
    assert_eq!(
        header(&of_folder, "content-disposition"),
        "attachment; filename=\"out.zip\"; filename*=UTF-8''out.zip"
    );
    let below: Files = files
        .iter()
        .filter_map(|(name, bytes)| Some((name.strip_prefix("out/")?.to_owned(), bytes.clone())))
        .collect();
    assert_unpacks_to(&of_folder.bytes().await.unwrap(), &below).await;
    let own = share(&cairn, "run", "out").await;
    assert_unpacks_to(&archive(&own.url).await.0, &below).await;
    let none = request(&format!("{}?folder=nothing&download", link.url), &[]).await;
    assert_eq!(none.bytes().await.unwrap().len(), 22, "an empty archive");
}

#[tokio::test]
async fn hostile_names_neither_lead_out_nor_meet() {
    let cairn = Setup::on(Bytes::Files).start().await;
    for name in [
        "C:evil.txt",
        "nul.txt",
        "con",
        "a|b*?.txt",
        "end.",
        "dot /x",
        "gpj\u{202e}exe.txt",
        "a",
        "A",
        "a/b",
        "-rf",
        "~/x",
        "'; rm -rf $HOME; '",
        "x\u{301}",
    ] {
        cairn
            .client
            .create(session_spec(name, "run"), name)
            .await
            .unwrap();
    }
    // The same name of two users.
    for user in ["ann", "bob"] {
        let spec = ArtifactSpec {
            user_id: user.to_owned(),
            ..session_spec("notes.md", "run")
        };
        cairn.client.create(spec, user).await.unwrap();
    }
    let link = share(&cairn, "run", "").await;
    let expected = [
        ("C_evil.txt", "C:evil.txt"),
        ("_nul.txt", "nul.txt"),
        ("_con", "con"),
        ("a_b__.txt", "a|b*?.txt"),
        ("end_", "end."),
        ("dot_/x", "dot /x"),
        ("gpj_exe.txt", "gpj\u{202e}exe.txt"),
        ("A (2)", "A"),
        ("a (3)", "a"),
        ("a/b", "a/b"),
        ("-rf", "-rf"),
        ("~/x", "~/x"),
        ("'; rm -rf $HOME; '", "'; rm -rf $HOME; '"),
        ("x\u{301}", "x\u{301}"),
        ("notes.md", "ann"),
        ("notes (2).md", "bob"),
    ];
    let expected = expected.map(|(name, bytes)| (name.to_owned(), bytes.as_bytes().to_vec()));
    assert_unpacks_to(&archive(&link.url).await.0, &Files::from(expected)).await;
}

#[tokio::test]
async fn any_part_of_an_archive_can_be_had_by_who_names_it() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let files = of_sizes(&[("a.txt", 50), ("b.bin", 100_000), ("c/d.bin", 300_000)]);
    put(&cairn, "run", &files).await;
    let link = share(&cairn, "run", "").await;
    let (whole, tag) = archive(&link.url).await;
    let url = format!("{}?download", link.url);
    let size = whole.len();
    // In each header, content and record, and across their borders.
    let steps = (0..size)
        .step_by(size / 40)
        .chain(0..150)
        .chain(size - 300..size);
    for (i, from) in steps.enumerate() {
        let until = (from + [0, 1, 70, 200_000][i % 4]).min(size - 1);
        let range = format!("bytes={from}-{until}");
        let part = request(&url, &[("range", &range), ("if-range", &tag)]).await;
        assert_eq!(part.status(), 206, "{range}");
        let told = format!("bytes {from}-{until}/{size}");
        assert_eq!(header(&part, "content-range"), told);
        assert!(
            part.bytes().await.unwrap() == whole[from..=until],
            "{range}"
        );
    }
    let range = ("range", "bytes=100-");
    let behind = ("range", "bytes=999999999-");
    let answer = request(&url, &[behind, ("if-range", &tag)]).await;
    assert_eq!(answer.status(), 416);
    // A reader that does not name the archive gets all of it.
    let weak = format!("W/{tag}");
    for fields in [
        vec![range],
        vec![range, ("if-range", &*weak)],
        vec![range, ("if-range", "Sun, 06 Nov 1994 08:49:37 GMT")],
        vec![range, ("if-match", "*")],
    ] {
        let answer = request(&url, &fields).await;
        assert_eq!(answer.status(), 200, "{fields:?}");
        assert!(answer.bytes().await.unwrap() == whole, "{fields:?}");
    }
    let matched = request(&url, &[range, ("if-match", &tag)]).await;
    assert_eq!(matched.status(), 206);
    // Another archive after another file.
    put(&cairn, "run", &of_sizes(&[("e", 1)])).await;
    let answer = request(&url, &[range, ("if-range", &tag)]).await;
    assert_eq!(answer.status(), 200);
    assert_ne!(header(&answer, "etag"), tag);
    let refusal = request(&url, &[range, ("if-match", &tag)]).await;
    assert_eq!(refusal.status(), 412);
}

#[tokio::test]
async fn a_download_that_broke_off_is_taken_up_again() {
    let cairn = Setup::on(Bytes::S3).start().await;
    let files = of_sizes(&[("a.bin", 9 << 20), ("b.bin", 5 << 20), ("c.txt", 20)]);
    put(&cairn, "run", &files).await;
    let link = share(&cairn, "run", "").await;
    let url = format!("{}?download", link.url);
    let (mut had, mut tag) = (Vec::new(), String::new());
    // Each time the connection ends after some of it.
    for _ in 0..4 {
        let range = format!("bytes={}-", had.len());
        let mut answer = match had.len() {
            0 => request(&url, &[]).await,
            _ => request(&url, &[("range", &range), ("if-range", &tag)]).await,
        };
        tag = header(&answer, "etag").to_owned();
        let until = had.len() + (4 << 20);
        while had.len() < until
            && let Some(piece) = answer.chunk().await.unwrap()
        {
            had.extend_from_slice(&piece);
        }
    }
    assert_unpacks_to(&had, &files).await;
}

#[tokio::test]
async fn content_without_a_checksum_is_read_for_it_once() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let files = of_sizes(&[("a.txt", 50), ("b.bin", 300_000), ("c.bin", 70_000)]);
    put(&cairn, "run", &files).await;
    let link = share(&cairn, "run", "").await;
    let known = "SELECT count(*) FROM objects WHERE crc32 IS NOT NULL";
    assert_eq!(cairn.count(known).await, 3, "known from the upload");
    let (whole, tag) = archive(&link.url).await;
    cairn.sql("UPDATE objects SET crc32 = NULL").await;
    let (again, same) = archive(&link.url).await;
    assert!(again == whole && same == tag);
    assert_eq!(cairn.count(known).await, 3);
    // A wrong one would be noticed by every program.
    assert_unpacks_to(&again, &files).await;
}

#[tokio::test]
async fn content_of_a_resumed_upload_is_in_archives_as_well() {
    let cairn = Setup::on(Bytes::S3).start().await;
    let bytes = content(9 << 20);
    let client = &cairn.client;
    let open = client.start_upload(session_spec("a", "run")).await;
    let id = open.unwrap().upload_id;
    let (first, rest) = bytes.split_at(5 << 20);
    client.write_upload(&id, 0, first.to_vec()).await.unwrap();
    client
        .write_upload(&id, 5 << 20, rest.to_vec())
        .await
        .unwrap();
    client.finish_upload(&id).await.unwrap();
    let link = share(&cairn, "run", "").await;
    let expected = Files::from([("a".to_owned(), bytes)]);
    assert_unpacks_to(&archive(&link.url).await.0, &expected).await;
}

#[tokio::test]
async fn an_archive_breaks_off_at_bytes_that_have_changed() {
    let cairn = Setup::on(Bytes::Files).start().await;
    put(&cairn, "run", &of_sizes(&[("a", 300_000)])).await;
    let url = format!("{}?download", share(&cairn, "run", "").await.url);
    cairn.corrupt(&content(300_001)[1..]).await;
    let answer = request(&url, &[]).await;
    assert!(answer.bytes().await.is_err(), "it breaks off");
    // No checksum is made of wrong bytes.
    cairn.sql("UPDATE objects SET crc32 = NULL").await;
    let answer = request(&url, &[]).await;
    assert!(answer.bytes().await.is_err(), "it breaks off");
    let known = "SELECT count(*) FROM objects WHERE crc32 IS NOT NULL";
    assert_eq!(cairn.count(known).await, 0);
}

#[tokio::test]
async fn a_file_that_goes_while_it_is_sent_is_sent_nonetheless() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let files = of_sizes(&[("a.bin", 9 << 20), ("b.txt", 10), ("c.bin", 9 << 20)]);
    put(&cairn, "run", &files).await;
    let link = share(&cairn, "run", "").await;
    let mut answer = request(&format!("{}?download", link.url), &[]).await;
    let mut had = answer.chunk().await.unwrap().unwrap().to_vec();
    let deleted = "UPDATE artifacts SET state = 'deleted', deleted_at = now(), purge_after = now() + interval '1 h'";
    cairn.sql(deleted).await;
    while let Some(piece) = answer.chunk().await.unwrap() {
        had.extend_from_slice(&piece);
    }
    assert_unpacks_to(&had, &files).await;
    assert_eq!(archive(&link.url).await.0.len(), 22);
}

#[tokio::test]
async fn a_folder_with_too_many_files_is_refused_with_advice() {
    let cairn = Setup::on(Bytes::Files).start().await;
    put(&cairn, "run", &of_sizes(&[("small/a", 1)])).await;
    // As commits write them, but for what a list by name does not read.
    let copies = "WITH first AS (SELECT * FROM artifacts WHERE filename = 'small/a'), names AS (
             INSERT INTO filenames SELECT f.tenant_id, f.namespace, f.user_id, f.session_id, 'many/' || i, 1
             FROM filenames f, generate_series(1, 10001) i WHERE f.filename = 'small/a' RETURNING filename)
         INSERT INTO artifacts (tenant_id, id, session_id, namespace, user_id, agent_id, filename, version, content_type,
             size_bytes, sha256, metadata, object_id)
         SELECT a.tenant_id, 'art_' || lpad(substr(n.filename, 6), 16, '0'), a.session_id, a.namespace, a.user_id,
             a.agent_id, n.filename, 1, a.content_type, a.size_bytes, a.sha256, a.metadata, a.object_id
         FROM first a, names n";
    cairn.sql(copies).await;
    let link = share(&cairn, "run", "").await;
    let url = format!("{}?download", link.url);
    let answer = request(&url, &[]).await;
    assert_eq!(error_code(answer).await, (400, "invalid_request".into()));
    let told = request(&url, &[]).await.text().await.unwrap();
    assert!(told.contains("download one of its folders"), "{told}");
    let small = request(&format!("{}?folder=small&download", link.url), &[]).await;
    assert_eq!(small.status(), 200);
    // One fewer is not too many.
    cairn
        .sql("DELETE FROM artifacts WHERE filename = 'many/1'")
        .await;
    let most = request(&format!("{}?folder=many&download", link.url), &[]).await;
    assert_eq!(most.status(), 200);
    let bytes = most.bytes().await.unwrap();
    assert_eq!(bytes[bytes.len() - 12..][..2], 10_000_u16.to_le_bytes());
}

#[tokio::test]
async fn an_archive_of_many_files_needs_little_memory() {
    let api = ApiProcess::start(Bytes::Files, &[]).await;
    let client = &api.client;
    let create = async |i: usize| {
        let mut bytes = content(30_000);
        bytes[..8].copy_from_slice(&i.to_le_bytes());
        let spec = session_spec(&format!("small/{i}"), "run");
        client.create(spec, bytes).await.unwrap();
    };
    for batch in 0..20 {
        join_all((0..50).map(|i| create(batch * 50 + i))).await;
    }
    let spec = session_spec("large", "run");
    client.upload(spec, content(64 << 20)).await.unwrap();
    let request = CreateLinkRequest {
        session_id: "run".to_owned(),
        ..CreateLinkRequest::default()
    };
    let link = client.links.clone().create_link(request).await.unwrap();
    let link = link.into_inner().link.unwrap().link_id;
    let url = format!("http://{}/{link}?download", api.http);
    let before = api.forget_most();
    let readers = (0..4).map(async |_| {
        let mut answer = super::request(&url, &[]).await;
        let mut length = 0;
        while let Some(piece) = answer.chunk().await.unwrap() {
            length += piece.len() as u64;
        }
        assert!(length > 90 * MEBIBYTE, "{length}");
    });
    join_all(readers).await;
    let grown = api.memory("VmHWM").saturating_sub(before);
    assert!(grown < 32 * MEBIBYTE, "grown by {} MiB", grown / MEBIBYTE);
}
