//! Scopes: which kinds of calls a caller may make.

use std::{fmt, str::FromStr};

/// One kind of thing that a caller may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Read records and content.
    Read,
    /// Create artifacts, publish them, and change what is said of them.
    Write,
    /// Delete artifacts and sessions, restore them, and bring their expiry forward.
    Delete,
    /// Create, show and revoke public links.
    Link,
    /// Seal sessions.
    Seal,
    /// Set and release legal holds.
    Hold,
    /// Make and revoke the keys of the tenant.
    Admin,
    /// Administer the deployment: its plans and its tenants.
    Operator,
}

impl Scope {
    /// All of them.
    pub const EVERY: [Self; 8] = [
        Self::Read,
        Self::Write,
        Self::Delete,
        Self::Link,
        Self::Seal,
        Self::Hold,
        Self::Admin,
        Self::Operator,
    ];

    /// The name, as keys and errors have it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Delete => "delete",
            Self::Link => "link",
            Self::Seal => "seal",
            Self::Hold => "hold",
            Self::Admin => "admin",
            Self::Operator => "operator",
        }
    }

    fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let named = Self::EVERY.into_iter().find(|scope| scope.as_str() == name);
        named.ok_or("must be read, write, delete, link, seal, hold, admin or operator")
    }
}

/// A set of scopes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Scopes(u8);

impl Scopes {
    /// Every scope within a tenant. Operating the deployment must be given by name.
    #[must_use]
    pub fn all() -> Self {
        let of_tenant = |scope: &Scope| *scope != Scope::Operator;
        Scope::EVERY.into_iter().filter(of_tenant).collect()
    }

    /// No scope.
    #[must_use]
    pub fn none() -> Self {
        Self(0)
    }

    /// Whether a scope is among them.
    #[must_use]
    pub fn has(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self == Self::none()
    }

    /// Those that are in both sets.
    #[must_use]
    pub fn meet(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::EVERY
            .into_iter()
            .filter(move |scope| self.has(*scope))
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |set, scope| set | scope.bit()))
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, scope) in self.iter().enumerate() {
            let separator = if i == 0 { "" } else { "," };
            write!(f, "{separator}{scope}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scopes({self})")
    }
}
