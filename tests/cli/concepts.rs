//! The examples of docs/concepts.md, docs/http.md and docs/reads.md work as written.

use std::{env, fs, path::Path, time::Duration};

use tokio::time::interval;

use super::{Shell, start};
use harness::program::{self, program};

/// A line with the output of the command above it.
const PRINTS: &str = "# => ";

/// The examples as a script that writes each command's output to a file, and the expected text of each file.
#[derive(Debug, Default, PartialEq)]
struct Examples {
    script: String,
    expected: Vec<(String, Vec<String>)>,
}

impl Examples {
    /// All ```sh blocks, one after the other. A command continues on the next line after a backslash.
    fn of(markdown: &str) -> Self {
        let mut examples = Self::default();
        let (mut inside, mut command) = (false, String::new());
        for line in markdown.lines() {
            match (inside, line.strip_prefix(PRINTS)) {
                (false, _) => inside = line == "```sh",
                (true, _) if line == "```" => inside = false,
                (true, Some(text)) => {
                    let (_, texts) = examples.expected.last_mut().expect("a command first");
                    texts.push(text.to_owned());
                }
                (true, None) => {
                    command.push_str(line);
                    if line.ends_with('\\') {
                        command.push('\n');
                    } else {
                        examples.add(&std::mem::take(&mut command));
                    }
                }
            }
        }
        assert!(!inside && command.is_empty(), "a block has an end");
        examples
    }

    fn add(&mut self, command: &str) {
        if command.is_empty() {
            return;
        }
        let n = self.expected.len();
        self.script += &format!("{{ {command}\n}} >printed/{n} 2>&1\n");
        self.expected.push((command.to_owned(), Vec::new()));
    }
}

#[test]
fn examples_are_the_shell_blocks_and_what_they_print() {
    let markdown = "text\n```sh\na \\\n  b\n# => one\n# => two\n```\n```\nno\n```\n```sh\nc\n```\n";
    let examples = Examples::of(markdown);
    assert_eq!(
        examples.script,
        "{ a \\\n  b\n} >printed/0 2>&1\n{ c\n} >printed/1 2>&1\n"
    );
    let texts: Vec<_> = examples.expected.iter().map(|(_, texts)| texts).collect();
    assert_eq!(texts, [&vec!["one".to_owned(), "two".to_owned()], &vec![]]);
}

/// Runs a script with `cairn` on its path, in the shell's folder.
async fn run(shell: &Shell, http_url: &str, script: &str) -> program::Done {
    let cairn = program("cairn").await.parent().unwrap();
    let mut path = cairn.as_os_str().to_owned();
    path.push(":");
    path.push(env::var_os("PATH").unwrap());
    shell.write("examples.sh", format!("set -eu\n{script}"));
    // With the address and the key that `cairn` gets.
    let of_cairn = shell.cairn(&[]);
    let variables = of_cairn.as_std().get_envs();
    let mut bash = program::command(Path::new("bash"));
    for (name, value) in variables.filter_map(|(name, value)| Some((name, value?))) {
        bash.env(name, value);
    }
    bash.arg("examples.sh")
        .current_dir(shell.path("."))
        .env("PATH", path)
        .env("CAIRN_HTTP", http_url)
        // No proxy between the examples and the store.
        .env("no_proxy", "*")
        .env("NO_PROXY", "*");
    program::run(&mut bash).await
}

#[tokio::test]
async fn the_examples_of_the_concepts_do_what_they_say() {
    check("concepts.md", 20).await;
}

#[tokio::test]
async fn the_examples_of_the_json_api_do_what_they_say() {
    check("http.md", 10).await;
}

/// Runs the examples of a page, of which there are at least so many.
async fn check(page: &str, least: usize) {
    let markdown = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let examples = Examples::of(&fs::read_to_string(markdown.join(page)).unwrap());
    assert!(examples.expected.len() >= least);
    let (cairn, shell) = start().await;
    fs::create_dir(shell.path("printed")).unwrap();
    // A collector processes jobs, as with every store.
    let collector = async {
        let mut tick = interval(Duration::from_millis(200));
        loop {
            tick.tick().await;
            cairn.collect().await;
        }
    };
    let done = tokio::select! {
        done = run(&shell, &cairn.http_url, &examples.script) => done,
        () = collector => unreachable!("it goes on"),
    };
    for (n, (command, texts)) in examples.expected.iter().enumerate() {
        let printed = fs::read_to_string(shell.path(&format!("printed/{n}")));
        let printed = printed.unwrap_or_else(|_| panic!("not run: {command}\n{done:?}"));
        for text in texts {
            assert!(
                printed.contains(text),
                "{command}\nmust print {text}\nbut prints {printed}"
            );
        }
        println!("$ {command}\n{printed}");
    }
    done.ok();
}

#[tokio::test]
async fn the_examples_of_reads_do_what_they_say() {
    check("reads.md", 8).await;
}
