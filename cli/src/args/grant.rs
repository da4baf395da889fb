//! What a credential is to allow.

use std::str::FromStr;

use cairn_proto::v1;

/// What a credential may do, and on which artifacts
#[derive(clap::Args)]
pub(crate) struct GrantArgs {
    /// What it may do, separated by commas: read, write, delete, link, seal, hold, admin, operator
    #[arg(long, value_delimiter = ',', value_name = "SCOPE")]
    scopes: Vec<Scope>,
    /// Only in this session; may be given several times
    #[arg(long = "session", value_name = "ID")]
    sessions: Vec<String>,
    /// Only in sessions whose id starts with this; not together with --session
    #[arg(long, value_name = "TEXT", conflicts_with = "sessions")]
    session_prefix: Option<String>,
    /// Only in this namespace
    #[arg(long, value_name = "NAME")]
    namespace: Option<String>,
    /// Only files of this user
    #[arg(long, value_name = "ID")]
    user: Option<String>,
    /// Only what this agent makes
    #[arg(long, value_name = "ID")]
    agent: Option<String>,
    /// Only filenames that start with this
    #[arg(long, value_name = "TEXT")]
    filename_prefix: Option<String>,
}

#[derive(Clone, Copy)]
struct Scope(v1::Scope);

impl FromStr for Scope {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let upper = format!("SCOPE_{}", name.to_ascii_uppercase());
        match v1::Scope::from_str_name(&upper) {
            None | Some(v1::Scope::Unspecified) => {
                Err("must be read, write, delete, link, seal, hold, admin or operator")
            }
            Some(scope) => Ok(Self(scope)),
        }
    }
}

impl GrantArgs {
    /// The scopes as the wire has them.
    pub(crate) fn scopes(&self) -> Vec<i32> {
        self.scopes.iter().map(|scope| scope.0.into()).collect()
    }

    /// The narrowing as the wire has it; `None` when no condition is given.
    pub(crate) fn narrowing(self) -> Option<v1::Narrowing> {
        let narrowing = v1::Narrowing {
            session_ids: self.sessions,
            session_prefix: self.session_prefix.unwrap_or_default(),
            namespace: self.namespace.unwrap_or_default(),
            user_id: self.user.unwrap_or_default(),
            agent_id: self.agent.unwrap_or_default(),
            filename_prefix: self.filename_prefix.unwrap_or_default(),
        };
        (narrowing != v1::Narrowing::default()).then_some(narrowing)
    }
}
