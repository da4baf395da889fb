//! From where a call came.

use std::net::IpAddr;

/// From where a call came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallOrigin {
    /// The address of the other end of the connection, which may be a proxy's.
    pub address: Option<IpAddr>,
    /// The trace that the call belongs to, in hexadecimal.
    pub trace_id: Option<String>,
}
