//! Times of pushing and pulling a folder of small files with the command line, compared with `aws s3 cp --recursive` to
//! the same S3 server.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

use crate::{
    report::{Report, Wanted, median},
    services::{Api, Bucket, aws},
    world::{Plan, World, random},
};

/// The length of each file, in bytes.
const SIZE: usize = 4 << 10;
/// The number of files in each subfolder.
const PER_FOLDER: u32 = 100;
/// The seconds wanted for 2,000 files on two quiet cores.
const WANTED: [f64; 3] = [3.0, 1.5, 1.5];
const OF: f64 = 2000.0;

/// Seconds for a push, a pull, and a pull of existing files, one a round.
type Times = [Vec<f64>; 3];

pub(crate) async fn run(plan: &Plan, report: &mut Report) {
    let world = World::start(plan).await;
    let files = plan.scale.files;
    let [mut ours, mut theirs] = [(); 2].map(|()| Times::default());
    // Until the end: a file system that has just deleted files takes longer to create others.
    let mut folders = Vec::new();
    for round in 0..plan.scale.rounds {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fill(&folder.path().join("from"), files);
        cairn(&plan.cairn, &world.now, folder.path(), round, &mut ours);
        peer(&world.raw, folder.path(), round, &mut theirs);
        for side in ["cairn", "aws"] {
            let pulled = count(&folder.path().join(side));
            assert_eq!(pulled, files, "{side} pulls every file");
        }
        folders.push(folder);
    }
    let title = format!("Folders of {files} files of 4 KiB");
    report.begin(&title, ["work", "Cairn", "peer"]);
    for (number, work) in ["push", "pull", "pull of what is there"]
        .into_iter()
        .enumerate()
    {
        let (ours, theirs) = (&ours[number], &theirs[number]);
        let words = format!("{:.2} s", median(ours.clone()));
        let peer = format!("aws s3 {:.2} s", median(theirs.clone()));
        let ratio: Vec<f64> = theirs.iter().zip(ours).map(|(t, o)| t / o).collect();
        report.row(work, &words, &peer, ratio, Wanted::AtLeast(1.0));
        let wanted = Wanted::AtMost(WANTED[number] * f64::from(files) / OF);
        report.row(
            &format!("{work}: seconds"),
            &words,
            "–",
            ours.clone(),
            wanted,
        );
    }
}

fn cairn(program: &Path, api: &Api, folder: &Path, round: u32, times: &mut Times) {
    let session = format!("--session=folder-{round}");
    let cairn = |arguments: &[&str]| {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .arg(&session)
            .envs(api.environment());
        timed(command.current_dir(folder))
    };
    times[0].push(cairn(&["push", "from"]));
    times[1].push(cairn(&["pull", "-o", "cairn"]));
    times[2].push(cairn(&["pull", "-o", "cairn"]));
}

fn peer(bucket: &Bucket, folder: &Path, round: u32, times: &mut Times) {
    let remote = format!("s3://{}/folder-{round}", bucket.name);
    let s3 = |arguments: &[&str]| {
        let mut command = aws(bucket);
        command.arg("s3").args(arguments).arg("--only-show-errors");
        timed(command.current_dir(folder))
    };
    times[0].push(s3(&["cp", "--recursive", "from", &remote]));
    times[1].push(s3(&["cp", "--recursive", &remote, "aws"]));
    // It compares sizes and times only.
    times[2].push(s3(&["sync", &remote, "aws"]));
}

/// The time of a program that succeeds, in seconds.
fn timed(command: &mut Command) -> f64 {
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let began = Instant::now();
    let status = command.status().expect("a program that runs");
    assert!(status.success(), "{command:?}: {status}");
    began.elapsed().as_secs_f64()
}

fn fill(folder: &Path, files: u32) {
    for number in 0..files {
        let folder = folder.join(format!("{:03}", number / PER_FOLDER));
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join(format!("{number}.bin")), random(SIZE)).expect("a file");
    }
}

fn count(folder: &Path) -> u32 {
    let entries = fs::read_dir(folder).expect("a folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let count = |path: PathBuf| if path.is_dir() { count(&path) } else { 1 };
    paths.map(count).sum()
}
