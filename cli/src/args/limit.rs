//! Limits of plans, tenants and keys.

use std::str::FromStr;

use cairn_proto::v1;
use cairn_store::{ByteCount, LimitKind};

/// A kind of limit, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kind(v1::LimitKind);

impl Kind {
    /// As the wire has it.
    pub(crate) fn number(self) -> i32 {
        self.0.into()
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        // For the words of the error.
        name.parse::<LimitKind>()?;
        let upper = format!("LIMIT_KIND_{}", name.to_ascii_uppercase());
        let kind = v1::LimitKind::from_str_name(&upper);
        kind.map(Self).ok_or_else(|| "must be a limit".to_owned())
    }
}

/// `NAME=MAX`, such as calls=100, stored_bytes=10GiB or links=none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit {
    kind: Kind,
    max: Option<i64>,
}

impl FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, max) = text
            .split_once('=')
            .ok_or("must be NAME=MAX, such as calls=100, stored_bytes=10GiB or links=none")?;
        let max = match max {
            "none" => None,
            max => Some(max.parse::<ByteCount>()?.0),
        };
        Ok(Self {
            kind: name.parse()?,
            max,
        })
    }
}

/// Limits as the wire has them.
pub(crate) fn wire(limits: &[Limit]) -> Vec<v1::Limit> {
    let limit = |limit: &Limit| v1::Limit {
        kind: limit.kind.number(),
        max: limit.max,
    };
    limits.iter().map(limit).collect()
}

#[cfg(test)]
mod tests {
    use cairn_proto::v1::LimitKind;

    use super::{Limit, wire};

    #[test]
    fn a_limit_has_a_name_and_a_number_or_none() {
        let limits = ["calls=100", "stored_bytes=1KiB", "links=none"];
        let limits = limits.map(|text| text.parse::<Limit>().unwrap());
        let told = wire(&limits).into_iter().map(|it| (it.kind(), it.max));
        assert!(told.eq([
            (LimitKind::Calls, Some(100)),
            (LimitKind::StoredBytes, Some(1024)),
            (LimitKind::Links, None),
        ]));
        for wrong in ["calls", "calls=", "calls=-1", "nothing=1"] {
            assert!(wrong.parse::<Limit>().is_err(), "{wrong}");
        }
    }
}
