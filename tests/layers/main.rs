//! The import graph of the files of a crate: no circle of files, and in `crates/store` no import upward.
//!
//! It is read from the paths in the source (`use`, `crate::…`, `super::…` and child modules), without tests. A name that
//! a module re-exports counts as an import of the file that defines it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

/// The rooms of `crates/store/src`, the lowest first. A file may import its own room and rooms on lower floors; rooms
/// that share a floor do not know each other.
const FLOORS: [&[&str]; 6] = [
    &["model", "trace"],
    &["config", "metrics"],
    &["meta", "blob"],
    &["store"],
    &["gc"],
    &["lib"],
];

#[test]
fn no_circle_of_files() {
    let mut circles = String::new();
    for (name, graph) in graphs() {
        println!("{}", summary(&name, &graph));
        for circle in graph.circles() {
            let _ = writeln!(circles, "{name}: {} files import each other:", circle.len());
            for (from, to) in graph
                .arrows()
                .filter(|(from, to)| circle.contains(from) && circle.contains(to))
            {
                let _ = writeln!(circles, "    {from} -> {to}");
            }
        }
    }
    assert!(circles.is_empty(), "circles of files:\n{circles}");
}

#[test]
fn no_import_upward_in_the_store() {
    let graph = &graphs()["crates/store"];
    let floor = |file: &str| {
        let room = file.split(['/', '.']).next().unwrap_or_default();
        let floor = FLOORS.iter().position(|rooms| rooms.contains(&room));
        (
            floor.unwrap_or_else(|| panic!("{file} is in no room of FLOORS")),
            room.to_owned(),
        )
    };
    let upward: Vec<_> = graph
        .arrows()
        .filter(|(from, to)| {
            let ((from_floor, from_room), (to_floor, to_room)) = (floor(from), floor(to));
            from_room != to_room && from_floor <= to_floor
        })
        .map(|(from, to)| format!("    {from} -> {to}"))
        .collect();
    assert!(upward.is_empty(), "imports upward:\n{}", upward.join("\n"));
}

#[test]
fn a_circle_and_a_re_export_are_seen() {
    let files = [
        ("lib.rs", "mod a; mod b; mod c;"),
        (
            "a.rs",
            "use crate::b::{self, deep::Thing as Other}; // use crate::c;",
        ),
        ("b.rs", "pub(crate) mod deep; pub(crate) use deep::Thing;"),
        (
            "b/deep.rs",
            "pub(crate) struct Thing; const TEXT: &str = \"crate::c::X\"; fn f() { super::super::a::g() }",
        ),
        (
            "c.rs",
            "use crate::b::Thing; #[cfg(test)] mod tests { use crate::a; }",
        ),
    ];
    let graph = Graph::of(
        files
            .map(|(file, text)| (file.to_owned(), text.to_owned()))
            .into(),
    );
    let arrows: Vec<_> = graph.arrows().collect();
    assert_eq!(
        arrows,
        [
            ("a.rs", "b.rs"),
            ("a.rs", "b/deep.rs"),
            ("b.rs", "b/deep.rs"),
            ("b/deep.rs", "a.rs"),
            ("c.rs", "b/deep.rs")
        ]
    );
    assert_eq!(
        graph.circles(),
        [BTreeSet::from(["a.rs", "b.rs", "b/deep.rs"])]
    );
}

/// The crates whose files are held to the rules, by folder.
const CRATES: [&str; 7] = [
    "cli",
    "crates/client",
    "crates/process",
    "crates/proto",
    "crates/store",
    "services/api",
    "services/gc-worker",
];

/// The graph of each crate.
fn graphs() -> BTreeMap<String, Graph> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("a workspace");
    let read = |name: &str| {
        let src = root.join(name).join("src");
        let mut files = BTreeMap::new();
        read_folder(&src, &src, &mut files);
        (name.to_owned(), Graph::of(files))
    };
    CRATES.into_iter().map(read).collect()
}

fn read_folder(src: &Path, folder: &Path, files: &mut BTreeMap<String, String>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    for path in entries.map(|entry| entry.expect("an entry").path()) {
        if path.is_dir() {
            read_folder(src, &path, files);
        } else if path.extension().is_some_and(|it| it == "rs") {
            let name = path
                .strip_prefix(src)
                .expect("below src")
                .to_string_lossy()
                .into_owned();
            files.insert(name, fs::read_to_string(&path).expect("a source file"));
        }
    }
}

fn summary(name: &str, graph: &Graph) -> String {
    let circles = graph.circles();
    let largest = circles.iter().map(BTreeSet::len).max().unwrap_or(0);
    format!(
        "{name}: {} files, {} floors, {} arrows, {} circles, the largest of {largest} files",
        graph.imports.len(),
        graph.floors(&circles),
        graph.arrows().count(),
        circles.len(),
    )
}

/// Which file imports which.
struct Graph {
    imports: BTreeMap<String, BTreeSet<String>>,
}

impl Graph {
    fn of(files: BTreeMap<String, String>) -> Self {
        let mut sources: BTreeMap<Vec<String>, (String, Source)> = files
            .into_iter()
            .map(|(file, text)| (module_of(&file), (file, Source::read(&text))))
            .collect();
        let tests: Vec<Vec<String>> = sources
            .iter()
            .flat_map(|(module, (_, source))| {
                let below = |test: &String| module.iter().cloned().chain([test.clone()]).collect();
                source.test_modules.iter().map(below).collect::<Vec<_>>()
            })
            .collect();
        sources.retain(|module, _| !tests.iter().any(|test| module.starts_with(test)));
        let imports = sources.iter().map(|(module, (file, source))| {
            let targets = source.paths.iter().filter_map(|path| {
                let absolute = absolute(&sources, module, path)?;
                resolve(&sources, &absolute, 0)
            });
            (
                file.clone(),
                targets.filter(|target| target != file).collect(),
            )
        });
        Self {
            imports: imports.collect(),
        }
    }

    fn arrows(&self) -> impl Iterator<Item = (&str, &str)> {
        self.imports
            .iter()
            .flat_map(|(from, targets)| targets.iter().map(move |to| (from.as_str(), to.as_str())))
    }

    /// Everything that a file leads to.
    fn reach<'a>(&'a self, from: &'a str) -> BTreeSet<&'a str> {
        let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
        while let Some(file) = open.pop() {
            for next in self.imports.get(file).into_iter().flatten() {
                if seen.insert(next.as_str()) {
                    open.push(next);
                }
            }
        }
        seen
    }

    /// The sets of files of which each leads to all others.
    fn circles(&self) -> Vec<BTreeSet<&str>> {
        let reach: BTreeMap<&str, BTreeSet<&str>> = self
            .imports
            .keys()
            .map(|file| (file.as_str(), self.reach(file)))
            .collect();
        let mut circles: Vec<BTreeSet<&str>> = Vec::new();
        for (file, reached) in &reach {
            if reached.contains(file) && !circles.iter().any(|circle| circle.contains(file)) {
                let both = reached.iter().filter(|other| reach[*other].contains(file));
                circles.push(both.copied().collect());
            }
        }
        circles
    }

    /// How many floors the files stand on, each above all that it imports; a circle stands on one.
    fn floors(&self, circles: &[BTreeSet<&str>]) -> usize {
        fn floor<'a>(
            graph: &'a Graph,
            circles: &[BTreeSet<&'a str>],
            file: &'a str,
            known: &mut HashMap<&'a str, usize>,
        ) -> usize {
            if let Some(known) = known.get(file) {
                return *known;
            }
            let alone = BTreeSet::from([file]);
            let circle = circles
                .iter()
                .find(|circle| circle.contains(file))
                .unwrap_or(&alone)
                .clone();
            let below: Vec<&str> = circle
                .iter()
                .flat_map(|one| graph.imports.get(*one).into_iter().flatten())
                .map(String::as_str)
                .filter(|target| !circle.contains(target))
                .collect();
            let highest = below
                .into_iter()
                .map(|target| floor(graph, circles, target, known))
                .max();
            let at = highest.unwrap_or(0) + 1;
            known.extend(circle.iter().map(|one| (*one, at)));
            at
        }
        let mut known = HashMap::new();
        self.imports
            .keys()
            .map(|file| floor(self, circles, file, &mut known))
            .max()
            .unwrap_or(0)
    }
}

type Sources = BTreeMap<Vec<String>, (String, Source)>;

/// The module of a file: none for the root of a crate.
fn module_of(file: &str) -> Vec<String> {
    let path = PathBuf::from(file).with_extension("");
    let parts = path.iter().map(|part| part.to_string_lossy().into_owned());
    let mut module: Vec<_> = parts.collect();
    if matches!(module.last().map(String::as_str), Some("mod")) || matches!(file, "lib.rs") {
        module.pop();
    }
    module
}

/// A path from the root of the crate; `None` for one of another crate, or of a name that was imported.
fn absolute(sources: &Sources, module: &[String], path: &[String]) -> Option<Vec<String>> {
    let mut from = module.to_vec();
    let mut rest = path;
    while let Some((first, behind)) = rest.split_first() {
        match first.as_str() {
            "crate" => from.clear(),
            "super" => drop(from.pop()),
            "self" => {}
            _ if rest.len() < path.len() => return Some([&from, rest].concat()),
            _ => {
                let child = [&from[..], &rest[..1]].concat();
                return sources.contains_key(&child).then(|| [&from, rest].concat());
            }
        }
        rest = behind;
    }
    Some(from)
}

/// The file that defines what a path from the root names.
fn resolve(sources: &Sources, path: &[String], depth: usize) -> Option<String> {
    let known = (0..=path.len())
        .rev()
        .find(|&length| sources.contains_key(&path[..length]))?;
    let (file, source) = &sources[&path[..known]];
    let Some(item) = path.get(known) else {
        return Some(file.clone());
    };
    if let Some(imported) = source.names.get(item).filter(|_| depth < 8)
        && let Some(absolute) = absolute(sources, &path[..known], imported)
    {
        return resolve(
            sources,
            &[&absolute, &path[known + 1..]].concat(),
            depth + 1,
        );
    }
    Some(file.clone())
}

/// What a file says of others.
#[derive(Default)]
struct Source {
    /// Paths that it names.
    paths: Vec<Vec<String>>,
    /// Names that it imports, and so may be imported from it, and their paths.
    names: HashMap<String, Vec<String>>,
    /// Its child modules that are compiled for tests alone.
    test_modules: Vec<String>,
}

impl Source {
    fn read(text: &str) -> Self {
        let mut source = Self::default();
        let tokens = tokens(text);
        let mut inline: Vec<(String, usize)> = Vec::new();
        let (mut at, mut depth) = (0, 0);
        while at < tokens.len() {
            let token = tokens[at].as_str();
            match token {
                // `pub(in crate::room)` imports nothing.
                "pub" if tokens.get(at + 2).is_some_and(|it| it == "in") => {
                    at += tokens[at..].iter().position(|it| it == ")").unwrap_or(0);
                }
                "#" if is_test(&tokens[at..]) => {
                    at = source.skip_test_item(&tokens, at);
                    continue;
                }
                "{" => depth += 1,
                "}" => {
                    depth -= 1;
                    inline.retain(|(_, of)| *of <= depth);
                }
                "mod" if tokens.get(at + 2).is_some_and(|it| it == "{") => {
                    inline.push((tokens[at + 1].clone(), depth + 1));
                }
                "use" => {
                    let mut found = Vec::new();
                    at = use_tree(&tokens, at + 1, &[], &mut found);
                    for (path, name) in found {
                        if inline.is_empty() {
                            source.names.insert(name, path.clone());
                        }
                        source.add(path, inline.len());
                    }
                    continue;
                }
                _ if is_name(token) && tokens.get(at + 1).is_some_and(|it| it == "::") => {
                    let mut path = vec![token.to_owned()];
                    while tokens.get(at + 1).is_some_and(|it| it == "::")
                        && tokens.get(at + 2).is_some_and(|it| is_name(it))
                    {
                        path.push(tokens[at + 2].clone());
                        at += 2;
                    }
                    source.add(path, inline.len());
                }
                _ => {}
            }
            at += 1;
        }
        source
    }

    /// Notes a path of a module within the file as one of the file.
    fn add(&mut self, path: Vec<String>, inline: usize) {
        let ups = path.iter().take_while(|part| *part == "super").count();
        match ups {
            0 => self.paths.push(path),
            _ if ups > inline => self.paths.push(path[inline..].to_vec()),
            _ => {}
        }
    }

    /// Skips an item that is compiled for tests alone; says where the next one begins.
    fn skip_test_item(&mut self, tokens: &[String], from: usize) -> usize {
        let mut depth = 0;
        for (at, token) in tokens.iter().enumerate().skip(from) {
            match token.as_str() {
                "mod" if depth == 0 => self.test_modules.push(tokens[at + 1].clone()),
                "{" => depth += 1,
                "}" if depth == 1 => return at + 1,
                "}" => depth -= 1,
                ";" if depth == 0 => return at + 1,
                _ => {}
            }
        }
        tokens.len()
    }
}

fn is_test(tokens: &[String]) -> bool {
    ["#", "[", "cfg", "(", "test", ")", "]"]
        .iter()
        .zip(tokens)
        .all(|(a, b)| a == b)
}

fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Reads a use tree; says where it ends, and adds each path with the name that it has here.
fn use_tree(
    tokens: &[String],
    mut at: usize,
    before: &[String],
    found: &mut Vec<(Vec<String>, String)>,
) -> usize {
    let mut path = before.to_vec();
    loop {
        match tokens.get(at).map_or("", String::as_str) {
            "{" => {
                at += 1;
                while tokens.get(at).is_some_and(|it| it != "}") {
                    at = use_tree(tokens, at, &path, found);
                    at += usize::from(tokens.get(at).is_some_and(|it| it == ","));
                }
                return at + 1;
            }
            "::" => at += 1,
            "as" => {
                found.push((path, tokens[at + 1].clone()));
                return at + 2;
            }
            "self" if path.len() > before.len() || !before.is_empty() => at += 1,
            name if is_name(name) => {
                path.push(name.to_owned());
                at += 1;
            }
            "*" => at += 1,
            _ => {
                let name = path.last().cloned().unwrap_or_default();
                found.push((path, name));
                return at;
            }
        }
    }
}

/// The tokens of a source, without comments and texts.
fn tokens(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    let rest = |at: usize, start: &str| {
        start
            .chars()
            .enumerate()
            .all(|(i, c)| chars.get(at + i) == Some(&c))
    };
    while at < chars.len() {
        let c = chars[at];
        if rest(at, "//") {
            while at < chars.len() && chars[at] != '\n' {
                at += 1;
            }
        } else if c == '"' {
            at = behind_text(&chars, at + 1);
        } else if c == 'r' && (rest(at, "r\"") || rest(at, "r#\"")) {
            let end: &str = if rest(at, "r\"") { "\"" } else { "\"#" };
            at += 1 + end.len();
            while at < chars.len() && !rest(at, end) {
                at += 1;
            }
            at += end.len();
        } else if c == '\'' {
            // A character, or a lifetime.
            at += match (chars.get(at + 1), chars.get(at + 2)) {
                (Some('\\'), _) => {
                    let closing = chars[at + 3..].iter().position(|c| *c == '\'');
                    closing.map_or(1, |closing| closing + 4)
                }
                (_, Some('\'')) => 3,
                _ => 1,
            };
        } else if is_name(&c.to_string()) {
            let start = at;
            while at < chars.len() && (chars[at].is_alphanumeric() || chars[at] == '_') {
                at += 1;
            }
            tokens.push(chars[start..at].iter().collect());
        } else if rest(at, "::") {
            tokens.push("::".to_owned());
            at += 2;
        } else {
            if !c.is_whitespace() {
                tokens.push(c.to_string());
            }
            at += 1;
        }
    }
    tokens
}

/// Where a text ends that began before `at`.
fn behind_text(chars: &[char], mut at: usize) -> usize {
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}
