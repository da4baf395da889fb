//! Lists that show one level of folders, and lists by a pattern of names.

use std::collections::BTreeSet;

use cairn_proto::v1::{ArtifactSpec, ListArtifactsRequest};
use tonic::Code;

use harness::{Cairn, refused, session_spec, spec};

/// Folders and names of every page, in order; a page has its folders separately.
async fn all(cairn: &Cairn, request: &ListArtifactsRequest) -> (Vec<String>, Vec<String>) {
    let (mut folders, mut files) = (Vec::new(), Vec::new());
    let mut request = request.clone();
    loop {
        let mut client = cairn.client.artifacts.clone();
        let page = client.list_artifacts(request.clone()).await.unwrap();
        let page = page.into_inner();
        assert!(page.artifacts.len() + page.prefixes.len() <= request.page_size as usize);
        folders.extend(page.prefixes);
        let names = page.artifacts.into_iter();
        files.extend(names.map(|a| format!("{} {} v{}", a.filename, a.session_id, a.version)));
        if page.next_page_token.is_empty() {
            return (folders, files);
        }
        request.page_token = page.next_page_token;
    }
}

fn level(prefix: &str, session: &str) -> ListArtifactsRequest {
    ListArtifactsRequest {
        filename_prefix: prefix.to_owned(),
        session_id: session.to_owned(),
        delimiter: "/".to_owned(),
        ..ListArtifactsRequest::default()
    }
}

/// Two sessions and a user's own files, with names that sort around "/".
async fn filled() -> Cairn {
    let cairn = Cairn::start().await;
    let names = [
        "a.txt",
        "dir.txt",
        "dir/x.txt",
        "dir/sub/y.txt",
        "dir/sub/z.txt",
        "dir0",
        "e/f/g",
    ];
    for name in names {
        for session in ["run-1", "run-2"] {
            let own = ArtifactSpec {
                user_id: "ann".to_owned(),
                ..session_spec(name, session)
            };
            cairn.client.create(own, "").await.unwrap();
        }
    }
    for name in ["a.txt", "dir/x.txt", "dir/x.txt"] {
        let own = ArtifactSpec {
            user_id: "ann".to_owned(),
            ..spec(name)
        };
        cairn.client.create(own, "").await.unwrap();
    }
    let gone = spec("gone/x").clone();
    let gone = cairn.client.create(gone, "").await.unwrap();
    cairn.client.delete(&gone.artifact_id).await.unwrap();
    cairn
}

#[tokio::test]
async fn a_level_has_its_folders_once_on_pages_of_any_size() {
    let cairn = filled().await;
    let own_too = ListArtifactsRequest {
        user_id: "ann".to_owned(),
        include_user_scope: true,
        ..level("", "run-1")
    };
    let latest = ListArtifactsRequest {
        latest_only: true,
        ..level("dir/", "")
    };
    let cases: [(ListArtifactsRequest, &[&str], &[&str]); 6] = [
        (
            level("", "run-1"),
            &["dir/", "e/"],
            &["a.txt run-1 v1", "dir.txt run-1 v1", "dir0 run-1 v1"],
        ),
        (
            level("dir/", "run-2"),
            &["dir/sub/"],
            &["dir/x.txt run-2 v1"],
        ),
        (level("e/f", "run-1"), &["e/f/"], &[]),
        (
            own_too,
            &["dir/", "e/"],
            &[
                "a.txt  v1",
                "a.txt run-1 v1",
                "dir.txt run-1 v1",
                "dir0 run-1 v1",
            ],
        ),
        (
            latest,
            &["dir/sub/"],
            &["dir/x.txt  v2", "dir/x.txt run-1 v1", "dir/x.txt run-2 v1"],
        ),
        (level("gone", ""), &[], &[]),
    ];
    for (request, folders, files) in cases {
        for page_size in [1, 2, 3, 200] {
            let request = ListArtifactsRequest {
                page_size,
                ..request.clone()
            };
            assert_eq!(
                all(&cairn, &request).await,
                (
                    folders.iter().map(ToString::to_string).collect(),
                    files.iter().map(ToString::to_string).collect()
                ),
                "{request:?}"
            );
        }
    }
}

#[tokio::test]
async fn names_are_listed_by_their_bytes_on_pages_of_any_size() {
    let cairn = filled().await;
    for own_too in [false, true] {
        let mut lists = BTreeSet::new();
        for page_size in [1, 2, 3, 5, 200] {
            let request = ListArtifactsRequest {
                page_size,
                order_by: "filename".to_owned(),
                session_id: if own_too { "run-1" } else { "" }.to_owned(),
                user_id: "ann".to_owned(),
                include_user_scope: own_too,
                ..ListArtifactsRequest::default()
            };
            lists.insert(all(&cairn, &request).await.1);
        }
        let list = lists.pop_first().unwrap();
        assert!(lists.is_empty(), "{list:?} and {lists:?}");
        assert_eq!(list.len(), if own_too { 10 } else { 17 });
        assert!(list.is_sorted_by_key(|line| line.split(' ').next().unwrap().to_owned()));
    }
}

#[tokio::test]
async fn a_pattern_matches_names_as_a_shell_does() {
    let cairn = filled().await;
    for (glob, expected) in [
        ("*.txt", &["a.txt", "dir.txt"][..]),
        (
            "**/*.txt",
            &[
                "a.txt",
                "dir.txt",
                "dir/sub/y.txt",
                "dir/sub/z.txt",
                "dir/x.txt",
            ],
        ),
        ("dir/**", &["dir/sub/y.txt", "dir/sub/z.txt", "dir/x.txt"]),
        ("dir/*/[yx].txt", &["dir/sub/y.txt"]),
        ("dir/*/[!y].txt", &["dir/sub/z.txt"]),
        ("dir?", &["dir0"]),
        ("dir[!a]x.txt", &[]),
        ("{a,dir}.txt", &["a.txt", "dir.txt"]),
        ("e/{f/g,x}", &["e/f/g"]),
        ("A.txt", &[]),
        ("a\\.txt", &["a.txt"]),
        ("a.tx", &[]),
    ] {
        for order_by in ["", "filename"] {
            let request = ListArtifactsRequest {
                page_size: 2,
                order_by: order_by.to_owned(),
                session_id: "run-1".to_owned(),
                filename_glob: glob.to_owned(),
                ..ListArtifactsRequest::default()
            };
            let found = all(&cairn, &request).await.1;
            let found: BTreeSet<_> = found.iter().map(|f| f.split(' ').next().unwrap()).collect();
            assert_eq!(found, expected.iter().copied().collect(), "{glob}");
        }
    }
}

#[tokio::test]
async fn a_level_or_pattern_that_makes_no_sense_is_refused() {
    let cairn = Cairn::start().await;
    let faulty = ListArtifactsRequest {
        delimiter: ":".to_owned(),
        order_by: "create_time desc".to_owned(),
        filename_glob: "a[".to_owned(),
        count_total: true,
        ..ListArtifactsRequest::default()
    };
    let mut client = cairn.client.artifacts.clone();
    let refused = refused(client.list_artifacts(faulty).await);
    assert_eq!(
        refused.fields,
        ["count_total", "delimiter", "filename_glob", "order_by"]
    );
}

#[tokio::test]
async fn a_list_that_takes_too_long_is_not_worth_repeating() {
    let cairn = Cairn::start().await;
    let database = cairn.database().await;
    let lock = "BEGIN; LOCK TABLE artifacts IN ACCESS EXCLUSIVE MODE";
    database.batch_execute(lock).await.unwrap();
    let mut client = cairn.client.artifacts.clone();
    let request = ListArtifactsRequest::default();
    let refused = refused(client.list_artifacts(request).await);
    assert_eq!(
        (refused.code, refused.reason.as_str()),
        (Code::FailedPrecondition, "FILTER_TOO_COSTLY")
    );
    database.batch_execute("ROLLBACK").await.unwrap();
}
