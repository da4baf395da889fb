//! What each tool does: the calls that it makes, one file for each kind.

mod documents;
mod find;
mod read;
mod share;
mod store;
mod todos;

use super::{
    Mcp,
    answer::{Answer, ToolError},
    arguments::Arguments,
};

pub(super) use read::whole_or_part;

impl Mcp {
    /// Calls a tool.
    pub(super) async fn call(
        &self,
        tool: &str,
        arguments: &Arguments,
    ) -> Result<Answer, ToolError> {
        match tool {
            "whoami" => find::whoami(self).await,
            "store_artifact" => store::store(self, arguments).await,
            "list_artifacts" => find::artifacts(self, arguments).await,
            "get_artifact" => find::artifact(self, arguments).await,
            "read_artifact" => read::read(self, arguments).await,
            "grep_artifacts" => read::grep(self, arguments).await,
            "preview_artifact" => read::preview(self, arguments).await,
            "diff_artifact" => read::diff(self, arguments).await,
            "edit_artifact" => read::edit(self, arguments).await,
            "list_sessions" => find::sessions(self, arguments).await,
            "seal_session" => share::seal(self, arguments).await,
            "create_download_link" => share::link(self, arguments).await,
            "get_artifact_download_url" => share::url(self, arguments).await,
            "delete_artifact" => share::delete(self, arguments).await,
            "artifact_create" => documents::create(self, arguments).await,
            "artifact_update" => documents::update(self, arguments).await,
            "artifact_get" => documents::get(self, arguments).await,
            "artifact_list" => documents::list(self, arguments).await,
            "artifact_stage" => documents::move_to(self, arguments).await,
            "artifact_delete" => documents::delete(self, arguments).await,
            "todo_list" => todos::list(self, arguments).await,
            "todo_add" => todos::add(self, arguments).await,
            "todo_update" => todos::update(self, arguments).await,
            other => Err(ToolError::new(format!("{other} has no call"))),
        }
    }
}
