//! What a credential may do, on the command line.

use cairn_store::{Grant, Narrowing, RawNarrowing, Result, Scope, Scopes};
use clap::Args;

#[derive(Args)]
pub(crate) struct GrantArguments {
    /// What it may do, separated by commas: read, write, delete, link, seal, hold, admin, operator. All but operator when not
    /// given.
    #[arg(long, value_delimiter = ',', value_name = "SCOPE")]
    scopes: Vec<Scope>,
    /// Only in this session; may be given several times.
    #[arg(long = "session", value_name = "ID")]
    sessions: Vec<String>,
    /// Only in sessions whose id starts with this.
    #[arg(long, value_name = "TEXT")]
    session_prefix: Option<String>,
    /// Only in this namespace.
    #[arg(long)]
    namespace: Option<String>,
    /// Only files of this user.
    #[arg(long)]
    user: Option<String>,
    /// Only what this agent makes.
    #[arg(long)]
    agent: Option<String>,
    /// Only filenames that start with this.
    #[arg(long, value_name = "TEXT")]
    filename_prefix: Option<String>,
}

impl GrantArguments {
    /// # Errors
    /// `Invalid`, naming what is wrong.
    pub(crate) fn read(self) -> Result<Grant> {
        let scopes = match self.scopes.is_empty() {
            true => Scopes::all(),
            false => self.scopes.into_iter().collect(),
        };
        let narrowing = Narrowing::new(RawNarrowing {
            sessions: self.sessions,
            session_prefix: self.session_prefix.unwrap_or_default(),
            namespace: self.namespace.unwrap_or_default(),
            user_id: self.user.unwrap_or_default(),
            agent_id: self.agent.unwrap_or_default(),
            filename_prefix: self.filename_prefix.unwrap_or_default(),
        })?;
        Ok(Grant::new(scopes, narrowing, None))
    }
}
