//! A file of plans, tenants and workloads, as operators write it.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, de::Error as _};

use super::{
    access::{Grant, Narrowing, RawNarrowing, Scopes},
    byte_count::ByteCount,
    error::{Error, Result},
    limit::LimitKind,
    plan::LimitChanges,
    span::HumanDuration,
    tenant::TenantUpdate,
};

/// What is to be there. What it does not name stays as it is.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Declared {
    /// Plans, before the tenants that have them.
    pub(crate) plans: Vec<DeclaredPlan>,
    /// Tenants.
    pub(crate) tenants: Vec<DeclaredTenant>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeclaredPlan {
    pub(crate) name: String,
    /// All of its limits.
    #[serde(default)]
    limits: BTreeMap<LimitKind, Most>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeclaredTenant {
    pub(crate) name: String,
    plan: Option<String>,
    /// All of its own limits.
    #[serde(default)]
    limits: BTreeMap<LimitKind, Most>,
    #[serde(default, deserialize_with = "time")]
    default_ttl: Option<Option<HumanDuration>>,
    #[serde(default, deserialize_with = "time")]
    max_ttl: Option<Option<HumanDuration>>,
    never_expires: Option<bool>,
    #[serde(default)]
    pub(crate) workloads: Vec<DeclaredWorkload>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeclaredWorkload {
    pub(crate) issuer: String,
    pub(crate) subject: String,
    /// All but operator when there are none.
    #[serde(default)]
    scopes: Vec<String>,
    #[serde(default)]
    sessions: Vec<String>,
    #[serde(default)]
    session_prefix: String,
    #[serde(default)]
    namespace: String,
    #[serde(default)]
    user: String,
    #[serde(default)]
    agent: String,
    #[serde(default)]
    filename_prefix: String,
}

/// A number, such as 100 or 10GiB, or none.
#[derive(Debug, Clone, Copy)]
struct Most(Option<u64>);

impl<'de> Deserialize<'de> for Most {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(u64),
            Text(String),
        }
        Ok(Self(match Written::deserialize(deserializer)? {
            Written::Number(number) => Some(number),
            Written::Text(text) if text == "none" => None,
            Written::Text(text) => {
                let ByteCount(bytes) = text.parse().map_err(D::Error::custom)?;
                Some(bytes.unsigned_abs())
            }
        }))
    }
}

/// A time, such as 30d, or none.
fn time<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<HumanDuration>>, D::Error> {
    let text = String::deserialize(deserializer)?;
    Ok(Some(match &*text {
        "none" => None,
        text => Some(text.parse().map_err(D::Error::custom)?),
    }))
}

fn limits(of: &BTreeMap<LimitKind, Most>, field: &str) -> Result<LimitChanges> {
    LimitChanges::new(field, of.iter().map(|(kind, most)| (*kind, most.0)))
}

impl Declared {
    /// The most bytes of a file.
    const MOST: usize = 128 << 10;

    /// Reads a file in YAML or JSON.
    ///
    /// # Errors
    /// `Invalid`, which says where and why.
    pub fn read(text: &str) -> Result<Self> {
        if text.len() > Self::MOST {
            let rule = format!("must have at most {} bytes", Self::MOST);
            return Err(Error::invalid("document", rule));
        }
        serde_saphyr::from_str(text).map_err(|e| Error::invalid("document", e.to_string()))
    }
}

impl DeclaredPlan {
    pub(crate) fn limits(&self) -> Result<LimitChanges> {
        limits(&self.limits, &format!("plans.{}.limits", self.name))
    }
}

impl DeclaredTenant {
    /// The change that makes a tenant with these limits of its own what is declared.
    pub(crate) fn update(&self, overrides: &LimitChanges) -> Result<TenantUpdate> {
        let declared = limits(&self.limits, &format!("tenants.{}.limits", self.name))?;
        let kinds = overrides.iter().map(|(kind, _)| kind);
        let reset = kinds.filter(|kind| !self.limits.contains_key(kind));
        let ttl = |span: Option<HumanDuration>| span.map(|HumanDuration(time)| time);
        Ok(TenantUpdate {
            plan: self.plan.clone(),
            reset: reset.collect(),
            limits: declared,
            default_ttl: self.default_ttl.map(ttl),
            max_ttl: self.max_ttl.map(ttl),
            never_expires_allowed: self.never_expires,
            ..TenantUpdate::default()
        })
    }
}

impl DeclaredWorkload {
    pub(crate) fn grant(&self) -> Result<Grant> {
        let scopes = match self.scopes.is_empty() {
            true => Scopes::all(),
            false => {
                let scopes = self.scopes.iter().map(|name| name.parse());
                let scopes: std::result::Result<_, _> = scopes.collect();
                scopes.map_err(|rule: &str| Error::invalid("scopes", rule))?
            }
        };
        let narrowing = Narrowing::new(RawNarrowing {
            sessions: self.sessions.clone(),
            session_prefix: self.session_prefix.clone(),
            namespace: self.namespace.clone(),
            user_id: self.user.clone(),
            agent_id: self.agent.clone(),
            filename_prefix: self.filename_prefix.clone(),
        })?;
        Ok(Grant::new(scopes, narrowing, None))
    }
}
