use std::{
    fs, io,
    os::unix::{fs::symlink, net::UnixListener},
    sync::Arc,
};

use tempfile::TempDir;

use super::{Root, Seen, Selection, Walk, Why};

type Result = std::result::Result<(), Box<dyn std::error::Error>>;

/// A folder with these files, each of which holds its name.
pub(crate) fn folder(files: &[&str]) -> io::Result<TempDir> {
    let folder = TempDir::new()?;
    for file in files {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().unwrap_or(folder.path()))?;
        fs::write(path, file)?;
    }
    Ok(folder)
}

fn look(
    folder: &TempDir,
    exclude: &[&str],
    hidden: bool,
) -> std::result::Result<Seen, Box<dyn std::error::Error>> {
    let selection = Selection::of(exclude, hidden);
    let walk = Walk {
        root: Arc::new(Root::open(folder.path())?),
        rules: selection.rules()?,
        one_file_system: true,
    };
    Ok(walk.look())
}

fn names(seen: &Seen) -> Vec<&str> {
    seen.files.iter().map(|found| found.name.as_str()).collect()
}

/// The skipped names, and why.
fn skipped(seen: &Seen, folder: &TempDir) -> Vec<(String, Why)> {
    let name = |path: &std::path::Path| {
        path.strip_prefix(folder.path())
            .map(|p| p.display().to_string())
    };
    let mut skipped: Vec<_> = seen
        .skipped
        .iter()
        .map(|skipped| (name(&skipped.path).unwrap_or_default(), skipped.why))
        .collect();
    skipped.sort();
    skipped
}

#[test]
fn a_link_is_followed_in_the_folder_and_never_out_of_it() -> Result {
    let outside = folder(&["secret.txt"])?;
    let inside = folder(&["epoch3.ckpt", "runs/7/a.txt", "z/b.txt"])?;
    let link = |to: &std::path::Path, from: &str| symlink(to, inside.path().join(from));
    link("epoch3.ckpt".as_ref(), "last.ckpt")?;
    link(&inside.path().join("runs/7"), "latest")?;
    link("../latest/a.txt".as_ref(), "z/through")?;
    link(&outside.path().join("secret.txt"), "out")?;
    link(outside.path(), "out-folder")?;
    link("missing".as_ref(), "nowhere")?;
    link("..".as_ref(), "z/up")?;
    link("self".as_ref(), "self")?;
    let _socket = UnixListener::bind(inside.path().join("socket"))?;
    let seen = look(&inside, &[], false)?;
    assert_eq!(
        names(&seen),
        [
            "epoch3.ckpt",
            "last.ckpt",
            "latest/a.txt",
            "runs/7/a.txt",
            "z/b.txt",
            "z/through"
        ]
    );
    let expected = [
        ("nowhere", Why::LeadsNowhere),
        ("out", Why::LeadsOut),
        ("out-folder", Why::LeadsOut),
        ("self", Why::Loop),
        ("socket", Why::Special),
        ("z/up", Why::Loop),
    ];
    assert_eq!(
        skipped(&seen, &inside),
        expected.map(|(name, why)| (name.to_owned(), why))
    );
    assert!(seen.faults.is_empty(), "{:?}", seen.faults);
    Ok(())
}

#[test]
fn folders_that_link_to_each_other_end() -> Result {
    let folder = folder(&["a/1", "b/2"])?;
    symlink("../b", folder.path().join("a/b"))?;
    symlink("../a", folder.path().join("b/a"))?;
    let seen = look(&folder, &[], false)?;
    assert_eq!(names(&seen), ["a/1", "a/b/2", "b/2", "b/a/1"]);
    Ok(())
}

#[test]
fn hidden_files_are_there_only_when_asked_for() -> Result {
    let folder = folder(&[".env", ".git/config", "a/.b", "a/c"])?;
    assert_eq!(names(&look(&folder, &[], false)?), ["a/c"]);
    let all = look(&folder, &[], true)?;
    assert_eq!(names(&all), [".env", ".git/config", "a/.b", "a/c"]);
    Ok(())
}

#[test]
fn patterns_are_those_of_gitignore() -> Result {
    let folder = folder(&["a.txt", "a.tmp", "b/a.tmp", "b/x/y", "x/y", "b/c"])?;
    let left = |exclude: &[&str]| -> std::result::Result<Vec<String>, Box<dyn std::error::Error>> {
        Ok(names(&look(&folder, exclude, true)?)
            .iter()
            .map(|name| (*name).to_owned())
            .collect())
    };
    assert_eq!(left(&["*.tmp"])?, ["a.txt", "b/c", "b/x/y", "x/y"]);
    assert_eq!(left(&["b/x", "a.*"])?, ["b/c", "x/y"]);
    assert_eq!(
        left(&["/x/", "**/c"])?,
        ["a.tmp", "a.txt", "b/a.tmp", "b/x/y"]
    );
    assert_eq!(left(&["*", "!a.txt"])?, ["a.txt"]);
    Ok(())
}

#[test]
fn an_ignore_file_speaks_for_its_folder_and_the_nearest_decides() -> Result {
    let folder = folder(&["a.log", "keep/b.log", "keep/c.log", "out/d", "keep/out/e"])?;
    fs::write(folder.path().join(".cairnignore"), "# logs\n*.log\n/out\n")?;
    fs::write(folder.path().join("keep/.cairnignore"), "!b.log\r\n")?;
    let seen = look(&folder, &[], false)?;
    assert_eq!(names(&seen), ["keep/b.log", "keep/out/e"]);
    Ok(())
}

#[test]
fn a_folder_whose_ignore_file_cannot_be_read_is_not_pushed() -> Result {
    let outside = folder(&["rules"])?;
    let folder = folder(&["a/secret", "b/secret", "c/fine"])?;
    fs::write(folder.path().join("a/.cairnignore"), b"caf\xe9")?;
    symlink(
        outside.path().join("rules"),
        folder.path().join("b/.cairnignore"),
    )?;
    let seen = look(&folder, &[], false)?;
    assert_eq!(names(&seen), ["c/fine"]);
    assert_eq!(seen.faults.len(), 2);
    Ok(())
}

#[test]
fn what_cairn_left_in_a_folder_is_never_pushed() -> Result {
    let folder = folder(&[
        ".cairn-0123456789abcdef.part",
        "cairn-data/dev.env",
        "cairn-data/lock",
        "blobs/_deployment_id",
        "blobs/v1/x",
        "a",
    ])?;
    symlink("cairn-data/dev.env", folder.path().join("link"))?;
    let seen = look(&folder, &[], true)?;
    assert_eq!(names(&seen), ["a"]);
    Ok(())
}

#[test]
fn a_file_that_was_exchanged_for_a_link_out_is_not_opened() -> Result {
    let outside = folder(&["secret"])?;
    let folder = folder(&["a", "b/c"])?;
    let root = Root::open(folder.path())?;
    fs::remove_file(folder.path().join("a"))?;
    symlink(outside.path().join("secret"), folder.path().join("a"))?;
    fs::remove_dir_all(folder.path().join("b"))?;
    symlink(outside.path(), folder.path().join("b"))?;
    assert!(root.read("a".as_ref()).is_err());
    assert!(root.read("b/secret".as_ref()).is_err());
    assert!(root.read("../x".as_ref()).is_err());
    Ok(())
}
