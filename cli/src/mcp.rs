//! `cairn mcp`: the store as tools, resources and a prompt of the Model Context Protocol, over standard input and output.
//!
//! Each tool makes calls of the client library and shows their answers; it has no rule of its own but the bounds of what a
//! model is shown. `table.rs` has every tool, `calls/` what each does.

mod answer;
mod arguments;
mod calls;
mod folders;
mod resources;
mod server;
mod shown;
mod summary;
mod table;
#[cfg(test)]
mod tests;
mod tool;

use std::path::PathBuf;

use cairn_client::{ArtifactRef, Client, unary};
use cairn_proto::{
    json::Identity,
    v1::{ArtifactName, WhoAmIRequest},
};
use clap::ValueEnum;
use rmcp::{ServiceExt, transport::stdio};

use self::{
    answer::ToolError,
    arguments::Arguments,
    folders::Folders,
    table::TOOLS,
    tool::{Effect, Set, Tool},
};
use crate::{args::server::Server, error::CliError};

/// Serve the store to an agent by the Model Context Protocol, over standard input and output
///
/// The scopes of the key decide which tools there are. docs/agents.md has them, and how hosts are set up.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The tools to offer; may be given again
    #[arg(long, value_name = "SET", default_value = "core")]
    toolset: Vec<Toolset>,
    /// Offer the tools that delete too
    #[arg(long)]
    allow_delete: bool,
    /// A folder whose files may be stored by their paths; may be given again
    #[arg(long, value_name = "FOLDER")]
    root: Vec<PathBuf>,
    /// The session of calls that name none
    #[arg(long, value_name = "ID", env = "CAIRN_SESSION_ID")]
    session: Option<String>,
    /// The agent that makes the calls
    #[arg(long, value_name = "ID", env = "CAIRN_AGENT_ID")]
    agent: Option<String>,
    /// The application's name
    #[arg(long, value_name = "NAME")]
    namespace: Option<String>,
    /// The user
    #[arg(long, value_name = "ID")]
    user: Option<String>,
    #[command(flatten)]
    server: Server,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Toolset {
    /// Storing, finding, reading and sharing files
    Core,
    /// Documents with stages, and todos
    Harness,
    /// Both
    All,
}

/// What the tools work with.
#[derive(Debug, Clone)]
struct Mcp {
    client: Client,
    /// Those that the key allows and the command line asked for.
    tools: Vec<&'static Tool>,
    folders: Folders,
    session: String,
    agent: String,
    namespace: String,
    user: String,
}

/// The tools of these sets that the scopes of a key allow.
fn offered(sets: &[Toolset], scopes: &[String], allow_delete: bool) -> Vec<&'static Tool> {
    let has = |set| {
        let wanted = match set {
            Set::Core => Toolset::Core,
            Set::Harness => Toolset::Harness,
        };
        sets.contains(&wanted) || sets.contains(&Toolset::All)
    };
    let may = |tool: &&Tool| {
        let mut needs = tool.scopes.iter();
        needs.all(|scope| scopes.iter().any(|held| held == scope))
            && (allow_delete || tool.effect != Effect::Destroys)
    };
    let tools = TOOLS.iter().filter(|tool| has(tool.set));
    tools.filter(may).collect()
}

pub(crate) async fn run(args: Args) -> Result<(), CliError> {
    let client = args.server.connect().await?;
    let mut identity = client.identity.clone();
    let who = identity.who_am_i(unary(WhoAmIRequest {})).await?;
    let identity = Identity::from(who.into_inner());
    let mcp = Mcp {
        tools: offered(&args.toolset, &identity.scopes, args.allow_delete),
        folders: Folders::open(&args.root)?,
        session: args.session.unwrap_or_default(),
        agent: args.agent.unwrap_or_default(),
        namespace: args.namespace.unwrap_or_default(),
        user: args.user.unwrap_or_default(),
        client,
    };
    let failed = |e: String| CliError::Usage(format!("the host broke the protocol: {e}"));
    let running = mcp.serve(stdio()).await;
    let running = running.map_err(|e| failed(e.to_string()))?;
    running.waiting().await.map_err(|e| failed(e.to_string()))?;
    Ok(())
}

impl Mcp {
    /// The session that a call means.
    fn session(&self, arguments: &Arguments) -> String {
        arguments
            .given("session_id")
            .unwrap_or_else(|| self.session.clone())
    }

    /// A filename where calls look for it.
    fn name(&self, filename: String, session_id: String, version: i64) -> ArtifactName {
        ArtifactName {
            filename,
            session_id,
            namespace: self.namespace.clone(),
            user_id: self.user.clone(),
            version,
        }
    }

    /// The artifact that a call means.
    fn wanted(&self, arguments: &Arguments) -> Result<ArtifactRef, ToolError> {
        match (arguments.given("artifact_id"), arguments.given("filename")) {
            (Some(id), None) => Ok(ArtifactRef::Id(id)),
            (None, Some(filename)) => Ok(ArtifactRef::Name(self.name(
                filename,
                self.session(arguments),
                arguments.number("version").unwrap_or_default(),
            ))),
            (Some(_), Some(_)) => Err(ToolError::new("give artifact_id or filename, not both")),
            (None, None) => Err(ToolError::new(
                "artifact_id is required, or filename. Next: call list_artifacts to see what is there",
            )),
        }
    }
}
