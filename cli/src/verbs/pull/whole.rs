//! The files of a session that fit into one folder.

use std::collections::BTreeMap;

use cairn_client::{Client, pages::read_all, unary};
use cairn_proto::v1::{Artifact, GetSessionRequest, ListArtifactsRequest};

use super::name::SafeName;
use crate::{error::CliError, files::names};

/// How many names that occur twice an error lists.
const MAX_NAMED: usize = 10;

/// A session, or the part of it that belongs to a user or an application.
pub(super) struct Whole {
    pub(super) session_id: String,
    pub(super) namespace: Option<String>,
    pub(super) user: Option<String>,
    /// But for the files of these names.
    pub(super) except: Vec<String>,
}

impl Whole {
    /// The latest version of every file, sorted by filename.
    pub(super) async fn files(&self, client: &mut Client) -> Result<Vec<Artifact>, CliError> {
        let mut artifacts = self.list(client).await?;
        artifacts.retain(|artifact| !self.except.contains(&artifact.filename));
        let latest = latest(artifacts)?;
        refuse_conflicts(&latest)?;
        Ok(latest)
    }

    /// Every file in its latest version, newest first.
    async fn list(&self, client: &mut Client) -> Result<Vec<Artifact>, CliError> {
        let artifacts = read_all(async |page_size, page_token| {
            let request = ListArtifactsRequest {
                page_size,
                page_token,
                session_id: self.session_id.clone(),
                namespace: self.namespace.clone().unwrap_or_default(),
                user_id: self.user.clone().unwrap_or_default(),
                latest_only: true,
                ..ListArtifactsRequest::default()
            };
            let answer = client.artifacts.list_artifacts(unary(request)).await?;
            let answer = answer.into_inner();
            Ok((answer.artifacts, answer.next_page_token))
        })
        .await?;
        if artifacts.is_empty() {
            // A session that never existed is an error; an empty one is not.
            let session_id = self.session_id.clone();
            let request = unary(GetSessionRequest { session_id });
            client.sessions.get_session(request).await?;
        }
        Ok(artifacts)
    }
}

/// The first of every file in a list that is newest first. Files of several scopes that have one name would replace each
/// other in a folder, and are refused.
fn latest(artifacts: Vec<Artifact>) -> Result<Vec<Artifact>, CliError> {
    let mut files: BTreeMap<String, BTreeMap<_, Artifact>> = BTreeMap::new();
    for artifact in artifacts {
        let scope = (artifact.namespace.clone(), artifact.user_id.clone());
        let scopes = files.entry(artifact.filename.clone()).or_default();
        scopes.entry(scope).or_insert(artifact);
    }
    let taken: Vec<String> = files
        .iter()
        .filter(|(_, scopes)| scopes.len() > 1)
        .map(|(name, scopes)| ambiguous(name, scopes.values()))
        .collect();
    if taken.is_empty() {
        return Ok(files
            .into_values()
            .flat_map(BTreeMap::into_values)
            .collect());
    }
    let more = taken.len().saturating_sub(MAX_NAMED);
    let mut names = taken
        .into_iter()
        .take(MAX_NAMED)
        .collect::<Vec<_>>()
        .join("; ");
    if more > 0 {
        names += &format!("; and {more} more");
    }
    Err(CliError::Usage(format!(
        "nothing was pulled, for several files have one name: {names}; narrow it down with --user or --namespace, or pull \
         each by its ID"
    )))
}

/// Files that have the names of folders that others need do not fit into one folder.
fn refuse_conflicts(files: &[Artifact]) -> Result<(), CliError> {
    let names = files.iter().map(|file| file.filename.as_str());
    // Others are refused one by one.
    let names = names.filter(|name| SafeName::parse(name).is_ok());
    let conflicts = names::conflicts(names);
    let listed: Vec<String> = conflicts
        .iter()
        .map(|(file, below)| format!("{file} is a file, and for {below} a folder"))
        .collect();
    match conflicts.first() {
        None => Ok(()),
        Some((file, _)) => Err(CliError::Usage(format!(
            "nothing was pulled, for not all of it fits into one folder: {}; leave the file out with --except {file}, and \
             pull it by itself with --name {file} and --output",
            listed.join("; ")
        ))),
    }
}

/// "a.txt (art_1 of no user, art_2 of user ada)".
fn ambiguous<'a>(name: &str, files: impl Iterator<Item = &'a Artifact>) -> String {
    let of = |file: &Artifact| {
        let scope = [("namespace", &file.namespace), ("user", &file.user_id)];
        let scope: Vec<String> = scope
            .iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(what, value)| format!("{what} {value}"))
            .collect();
        let scope = if scope.is_empty() {
            "no user".to_owned()
        } else {
            scope.join(", ")
        };
        format!("{} of {scope}", file.artifact_id)
    };
    let files: Vec<String> = files.map(of).collect();
    format!("{name} ({})", files.join(", "))
}

#[cfg(test)]
mod tests {
    use cairn_proto::v1::Artifact;

    use super::latest;

    fn artifact(filename: &str, user_id: &str, version: i64) -> Artifact {
        Artifact {
            artifact_id: format!("{filename}-{version}"),
            filename: filename.to_owned(),
            user_id: user_id.to_owned(),
            version,
            ..Artifact::default()
        }
    }

    #[test]
    fn of_every_filename_the_newest_is_pulled() {
        let newest_first = vec![
            artifact("b", "", 2),
            artifact("a", "ada", 7),
            artifact("b", "", 1),
        ];
        let latest = latest(newest_first).map(|files| {
            let files = files.into_iter();
            files.map(|file| file.artifact_id).collect::<Vec<_>>()
        });
        assert_eq!(latest.ok(), Some(vec!["a-7".to_owned(), "b-2".to_owned()]));
    }

    #[test]
    fn one_name_for_the_files_of_several_users_is_refused_and_told() {
        let files = (0..12).flat_map(|n| {
            let name = format!("{n:02}");
            [artifact(&name, "ada", 2), artifact(&name, "", 1)]
        });
        let error = latest(files.collect()).map_err(|error| error.to_string());
        let words = error.err().unwrap_or_default();
        assert!(
            words.contains("00 (00-1 of no user, 00-2 of user ada); 01"),
            "{words}"
        );
        assert!(
            words.contains("09-2 of user ada); and 2 more; narrow"),
            "{words}"
        );
    }
}
