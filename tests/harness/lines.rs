//! The output of a running program, line by line.

use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::Child,
    sync::mpsc,
};

use super::{log, within_patience};

/// The lines of a program, as they come. They are read even when no test asks for them, so the program never waits for
/// its reader.
pub struct Lines {
    lines: mpsc::UnboundedReceiver<String>,
}

/// The lines that the test did not ask for are of the log too. Only those that have come by now: the program may still run.
impl Drop for Lines {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        while let Ok(line) = self.lines.try_recv() {
            log::check(&line);
        }
    }
}

impl Lines {
    /// Of a program's standard error.
    pub fn of(child: &mut Child) -> Self {
        Self::read(child.stderr.take().unwrap())
    }

    /// Of a program's standard output.
    pub fn printed_by(child: &mut Child) -> Self {
        Self::read(child.stdout.take().unwrap())
    }

    fn read(from: impl AsyncRead + Send + Unpin + 'static) -> Self {
        let (sender, lines) = mpsc::unbounded_channel();
        let mut from = BufReader::new(from).lines();
        tokio::spawn(async move {
            while let Ok(Some(line)) = from.next_line().await {
                // The test may have stopped reading.
                let _ = sender.send(line);
            }
        });
        Self { lines }
    }

    /// The next line, or `None` after the last.
    pub async fn next(&mut self) -> Option<String> {
        let line = within_patience("it says something", self.lines.recv()).await;
        line.inspect(|line| log::check(line))
    }

    /// Waits for a line that contains these words, and returns it.
    pub async fn until(&mut self, words: &str) -> String {
        loop {
            let line = self.next().await;
            let line = line.unwrap_or_else(|| panic!("it ended without {words:?}"));
            if line.contains(words) {
                return line;
            }
        }
    }
}
