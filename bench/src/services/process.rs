//! A program in its own process group, which ends when this is dropped, and when this process dies.

use std::{
    fs,
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
    time::Duration,
};

const MEBIBYTE: u64 = 1 << 20;

/// Ends the group `$1` when standard input ends, which is when the process that holds the other end drops it or dies.
const KEEPER: &str = "cat >/dev/null; kill -s KILL -- -$1";

pub(crate) struct Process {
    program: Child,
    keeper: Child,
}

impl Process {
    /// Starts a program that prints only its errors, without the environment variables that configure Cairn.
    pub(super) fn start(command: &mut Command) -> Self {
        for (variable, _) in std::env::vars_os() {
            if variable.to_string_lossy().starts_with("CAIRN_") {
                command.env_remove(variable);
            }
        }
        command
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        let name = command.get_program().to_string_lossy().into_owned();
        let program = command
            .spawn()
            .unwrap_or_else(|e| panic!("{name} starts: {e}"));
        let keeper = Command::new("/bin/sh")
            .args(["-c", KEEPER, "sh", &program.id().to_string()])
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell");
        Self { program, keeper }
    }

    /// Panics if the program has ended by itself.
    pub(super) fn check(&mut self) {
        let ended = self.program.try_wait().expect("its state");
        assert!(ended.is_none(), "a program ended by itself: {ended:?}");
    }

    /// Processor time used so far.
    pub(crate) fn processor_time(&self) -> Duration {
        let path = format!("/proc/{}/stat", self.program.id());
        let stat = fs::read_to_string(path).expect("a running process");
        // The name, in parentheses, may contain anything; utime and stime are the 12th and 13th fields after it, in
        // hundredths of a second.
        let (_, fields) = stat.rsplit_once(')').expect("a name");
        let ticks = fields.split_whitespace().skip(11).take(2);
        let ticks: u64 = ticks.map(|t| t.parse::<u64>().expect("a number")).sum();
        Duration::from_millis(ticks * 10)
    }

    /// The peak of its memory since `forget_peak_memory`, in MiB.
    pub(crate) fn peak_memory(&self) -> u64 {
        self.memory("VmHWM")
    }

    /// Its current memory, in MiB.
    pub(crate) fn memory_now(&self) -> u64 {
        self.memory("VmRSS")
    }

    pub(crate) fn forget_peak_memory(&self) {
        let path = format!("/proc/{}/clear_refs", self.program.id());
        fs::write(path, "5").expect("a peak that can be reset");
    }

    fn memory(&self, figure: &str) -> u64 {
        let path = format!("/proc/{}/status", self.program.id());
        let status = fs::read_to_string(path).expect("a running process");
        let line = status.lines().find(|line| line.starts_with(figure));
        let kibibytes = line.and_then(|line| line.split_whitespace().nth(1));
        kibibytes
            .and_then(|n| n.parse::<u64>().ok())
            .expect("a figure")
            * 1024
            / MEBIBYTE
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
        let _ = self.program.wait();
    }
}
