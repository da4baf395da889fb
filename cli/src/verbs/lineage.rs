//! `cairn lineage`.

use std::collections::{BTreeMap, HashMap, HashSet};

use cairn_client::{ArtifactRef, unary};
use cairn_proto::{
    json::{Derivation, Lineage, LineageArtifact},
    v1::{GetLineageRequest, LineageDirection},
};

use crate::{
    args::name::Name,
    args::server::Server,
    error::CliError,
    terminal::{
        output::{Output, table},
        render::{header, or_dash},
    },
};

/// Print the artifacts that an artifact was made from, step by step
#[derive(clap::Args)]
#[command(override_usage = "cairn lineage [OPTIONS] ID
       cairn lineage [OPTIONS] --name FILENAME [--version N] [--session ID] [--namespace NAME] [--user ID]")]
pub(crate) struct Args {
    /// The artifact
    #[arg(value_name = "ID")]
    artifact_id: Option<String>,
    /// Print what was made from it instead
    #[arg(long)]
    outputs: bool,
    /// How many steps to follow
    #[arg(
        long,
        value_name = "N",
        default_value_t = 4,
        value_parser = clap::value_parser!(i32).range(1..=16)
    )]
    depth: i32,
    #[command(flatten)]
    name: Name,
    #[command(flatten)]
    server: Server,
}

pub(crate) async fn run(args: Args, output: Output) -> Result<(), CliError> {
    let which = args.name.or_id(args.artifact_id)?;
    let client = args.server.connect().await?;
    // The answer does not say which of its artifacts was asked about.
    let root = match which {
        ArtifactRef::Id(id) => id,
        name @ ArtifactRef::Name(_) => client.artifact(name).await?.artifact_id,
    };
    let direction = if args.outputs {
        LineageDirection::Outputs
    } else {
        LineageDirection::Inputs
    };
    let mut request = GetLineageRequest {
        artifact_id: root.clone(),
        direction: direction.into(),
        max_depth: args.depth,
        page_size: 200,
        ..GetLineageRequest::default()
    };
    let mut client = client.artifacts.clone();
    let (mut derivations, mut known) = (Vec::new(), BTreeMap::new());
    let truncated = loop {
        let answer = client.get_lineage(unary(request.clone())).await?;
        let answer = answer.into_inner();
        derivations.extend(answer.derivations.into_iter().map(Derivation::from));
        let artifacts = answer.artifacts.into_iter();
        known.extend(artifacts.map(|artifact| (artifact.artifact_id.clone(), artifact)));
        if answer.next_page_token.is_empty() {
            break answer.truncated;
        }
        request.page_token = answer.next_page_token;
    };
    let lineage = Lineage {
        derivations,
        artifacts: known.into_values().map(LineageArtifact::from).collect(),
        truncated,
    };
    output.data(&lineage, || tree(&lineage, &root, args.outputs))?;
    if lineage.truncated {
        output.hint("there is more: ask with a greater --depth, or about one of these");
    }
    Ok(())
}

/// One line for each step, below and to the right of its start. An artifact is followed once.
fn tree(lineage: &Lineage, root: &str, outputs: bool) -> String {
    let mut next: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for step in &lineage.derivations {
        let (made, input) = (step.artifact_id.as_str(), step.input_id.as_str());
        let (from, to) = if outputs {
            (input, made)
        } else {
            (made, input)
        };
        next.entry(from).or_default().push(to);
    }
    let known: HashMap<&str, &LineageArtifact> = lineage
        .artifacts
        .iter()
        .map(|artifact| (artifact.artifact_id.as_str(), artifact))
        .collect();

    let mut rows = vec![header(["ID", "VERSION", "AGENT", "FILENAME"])];
    let mut followed = HashSet::new();
    let mut stack = vec![(root, 0)];
    while let Some((id, depth)) = stack.pop() {
        let first = followed.insert(id);
        let steps = next.get(id).map_or(&[][..], Vec::as_slice);
        let repeated = if first || steps.is_empty() {
            ""
        } else {
            " …"
        };
        let shown = format!("{:width$}{id}{repeated}", "", width = 2 * depth);
        rows.push(match known.get(id) {
            Some(artifact) => vec![
                shown,
                format!("v{}", artifact.version),
                or_dash(artifact.agent_id.clone()),
                artifact.filename.clone(),
            ],
            None => [&shown, "-", "-", "(not there any more)"]
                .map(str::to_owned)
                .to_vec(),
        });
        if first {
            stack.extend(steps.iter().rev().map(|step| (*step, depth + 1)));
        }
    }
    table(&rows)
}

#[cfg(test)]
mod tests {
    use super::{Derivation, Lineage, LineageArtifact, tree};

    /// d was made from b and c, and these from a, which is gone.
    fn lineage() -> Lineage {
        let step = |artifact_id: &str, input_id: &str| Derivation {
            artifact_id: artifact_id.to_owned(),
            input_id: input_id.to_owned(),
        };
        let artifact = |id: &str| LineageArtifact {
            artifact_id: id.to_owned(),
            filename: format!("{id}.txt"),
            version: 1,
            agent_id: None,
        };
        Lineage {
            derivations: vec![
                step("d", "b"),
                step("d", "c"),
                step("b", "a"),
                step("c", "a"),
                step("a", "z"),
            ],
            artifacts: ["d", "b", "c"].map(artifact).into(),
            truncated: false,
        }
    }

    #[test]
    fn a_tree_shows_every_step_and_follows_each_artifact_once() {
        let inputs = "\
ID       VERSION  AGENT  FILENAME
d        v1       -      d.txt
  b      v1       -      b.txt
    a    -        -      (not there any more)
      z  -        -      (not there any more)
  c      v1       -      c.txt
    a …  -        -      (not there any more)
";
        assert_eq!(tree(&lineage(), "d", false), inputs);
        let outputs = tree(&lineage(), "b", true);
        let ids: Vec<_> = outputs
            .lines()
            .skip(1)
            .map(|line| line.split("  v").next().unwrap_or_default().trim_end())
            .collect();
        assert_eq!(ids, ["b", "  d"]);
    }

    #[test]
    fn a_circle_of_artifacts_ends() {
        let mut circle = lineage();
        circle.derivations.push(Derivation {
            artifact_id: "a".to_owned(),
            input_id: "d".to_owned(),
        });
        assert!(tree(&circle, "d", false).lines().count() < 12);
    }
}
