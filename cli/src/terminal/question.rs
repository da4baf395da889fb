//! A question that a person answers.

use std::io::{self, Write};

use super::output::Output;
use crate::error::CliError;

/// Shows the artifacts and asks whether to delete them. Anything but a yes is a no.
pub(crate) async fn confirmed(what: &str, output: Output) -> Result<bool, CliError> {
    for line in what.lines() {
        output.note(line);
    }
    let answer = tokio::task::spawn_blocking(move || {
        let mut stderr = io::stderr();
        stderr.write_all(b"delete? [y/N] ")?;
        stderr.flush()?;
        let mut answer = String::new();
        io::stdin().read_line(&mut answer)?;
        Ok::<_, io::Error>(answer)
    });
    match answer.await {
        Ok(Ok(answer)) => Ok(matches!(answer.trim(), "y" | "Y" | "yes")),
        Ok(Err(error)) => Err(CliError::of_file("standard input")(error)),
        Err(_) => Ok(false),
    }
}
