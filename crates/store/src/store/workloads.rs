//! Workloads: programs that authenticate with a token of a trusted issuer, in place of an API key.

use uuid::Uuid;

use crate::{
    meta::{audit, workloads as rows},
    model::{
        access::Grant,
        audit::Deed,
        error::{Error, Result},
        tenant::{Caller, Workload},
        text::check_tenant_name,
    },
    store::{Store, credential_cache::Proof},
};

/// Checks what a workload is known by, and that it may do something.
pub(super) fn check(issuer: &str, subject: &str, grant: &Grant) -> Result<()> {
    check_claims(issuer, subject)?;
    match grant.scopes().is_empty() {
        true => Err(Error::invalid(
            "scopes",
            "must have at least one, and admin only without a narrowing",
        )),
        false => Ok(()),
    }
}

/// Checks the claims of a workload: 1 to 512 visible bytes, with `*` only after a last `:`.
fn check_claims(issuer: &str, subject: &str) -> Result<()> {
    let visible = |text: &str| {
        (1..=512).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
    };
    if !visible(issuer) || issuer.contains('*') {
        let rule =
            "must be 1 to 512 visible ASCII characters without \"*\", as tokens have it in `iss`";
        return Err(Error::invalid("issuer", rule));
    }
    let before = subject.strip_suffix(":*").unwrap_or(subject);
    if !visible(before) || before.contains('*') {
        let rule = "must be 1 to 512 visible ASCII characters, as tokens have it in `sub`; \":*\" at its end stands \
             for all that go on after the colon";
        return Err(Error::invalid("subject", rule));
    }
    Ok(())
}

/// The `subject` of the workloads that match this one: itself, and the group after its last colon.
fn candidates(subject: &str) -> Vec<String> {
    let group = subject
        .rsplit_once(':')
        .map(|(group, _)| format!("{group}:*"));
    std::iter::once(subject.to_owned()).chain(group).collect()
}

impl Store {
    /// Finds the tenant for which the subject of a token acts, as of the last `credential_trust`. The caller has
    /// checked the token. A workload with exactly this subject takes precedence over a group.
    ///
    /// # Errors
    /// `UnknownWorkload`; `Unavailable`; `RateLimited` when too many credentials are to be looked up.
    #[tracing::instrument(skip_all)]
    pub async fn authenticate_workload(&self, issuer: &str, subject: &str) -> Result<Caller> {
        let proof = Proof::Token {
            issuer: issuer.to_owned(),
            subject: subject.to_owned(),
        };
        let look_up = async {
            let client = self.meta.client().await?;
            rows::caller(&client, issuer, subject, &candidates(subject)).await
        };
        let caller = self.trust.caller(proof, look_up).await?;
        caller.ok_or_else(|| Error::UnknownWorkload {
            issuer: issuer.to_owned(),
            subject: subject.to_owned(),
        })
    }

    /// Finds the caller of a delegated token, by the id of its workload, as of the last `credential_trust`. The face has
    /// checked the token, and narrows the caller to what it allows.
    ///
    /// # Errors
    /// `TokenRefused` if the workload was removed, or if its subject is another workload by now; `Unavailable`;
    /// `RateLimited` when too many credentials are to be looked up.
    #[tracing::instrument(skip_all)]
    pub async fn authenticate_token_of_workload(&self, row: Uuid, subject: &str) -> Result<Caller> {
        let proof = Proof::OfWorkload {
            row,
            subject: subject.to_owned(),
        };
        let look_up = async {
            let client = self.meta.client().await?;
            let caller = rows::caller_by_id(&client, row, subject, &candidates(subject)).await?;
            Ok(caller.filter(|caller| caller.row == row))
        };
        let caller = self.trust.caller(proof, look_up).await?;
        let ended = || Error::TokenRefused("the workload that made it was removed".to_owned());
        caller.ok_or_else(ended)
    }

    /// Lets a workload act for a tenant, which comes into being if there is none of that name. To add it again
    /// gives it this grant.
    ///
    /// # Errors
    /// `Invalid` for a name that is no identifier, for an issuer or subject that no token can have, and for a workload
    /// that acts for another tenant; `Unavailable`.
    pub async fn add_workload(
        &self,
        tenant_name: &str,
        issuer: &str,
        subject: &str,
        grant: &Grant,
    ) -> Result<Workload> {
        self.set_workload(None, tenant_name, issuer, subject, grant)
            .await
    }

    /// As `add_workload`, for an operator.
    ///
    /// # Errors
    /// Those of `add_workload`.
    #[tracing::instrument(skip_all)]
    pub async fn set_workload(
        &self,
        by: Option<&Caller>,
        tenant_name: &str,
        issuer: &str,
        subject: &str,
        grant: &Grant,
    ) -> Result<Workload> {
        check_tenant_name(tenant_name).map_err(|rule| Error::invalid("tenant", rule))?;
        check(issuer, subject, grant)?;
        let client = self.meta.client().await?;
        let tx = client.transaction().await?;
        let added = rows::add(&tx, tenant_name, issuer, subject, grant).await?;
        let added = added.ok_or_else(|| {
            let rule = "acts for another tenant; remove it there first";
            Error::invalid("subject", rule)
        })?;
        let deed = Deed::by(
            by,
            "SetWorkload",
            &format!("workload {subject} of {tenant_name}"),
        );
        audit::add(&tx, &[deed]).await?;
        tx.commit().await?;
        Ok(added)
    }

    /// Lists a tenant's workloads, newest first, at most 200.
    ///
    /// # Errors
    /// `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn list_workloads(&self, tenant_name: &str) -> Result<Vec<Workload>> {
        let client = self.meta.client().await?;
        rows::of_tenant(&client, tenant_name).await
    }

    /// Removes a workload: its tokens fail with `UnknownWorkload`, everywhere after `credential_trust`. Returns whether
    /// it exists.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn remove_workload(&self, id: Uuid) -> Result<bool> {
        self.drop_workload(None, id).await
    }

    /// As `remove_workload`, for an operator.
    ///
    /// # Errors
    /// `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn drop_workload(&self, by: Option<&Caller>, id: Uuid) -> Result<bool> {
        let client = self.meta.client().await?;
        let tx = client.transaction().await?;
        let removed = rows::remove(&tx, id).await?;
        if removed {
            let deed = Deed::by(by, "RemoveWorkload", &format!("workload {id}"));
            audit::add(&tx, &[deed]).await?;
        }
        tx.commit().await?;
        Ok(removed)
    }
}

#[cfg(test)]
mod tests {
    use super::{candidates, check_claims as check};

    #[test]
    fn a_subject_is_itself_or_one_of_a_group() {
        assert_eq!(
            candidates("system:serviceaccount:agents:runner"),
            [
                "system:serviceaccount:agents:runner",
                "system:serviceaccount:agents:*"
            ]
        );
        assert_eq!(candidates("somebody"), ["somebody"]);
    }

    #[test]
    fn a_star_stands_only_for_what_comes_after_a_last_colon() {
        let issuer = "https://issuer.example";
        for subject in ["a", "a:b", "a:b:*", "repo:org/name:ref:refs/heads/main"] {
            assert!(check(issuer, subject).is_ok(), "{subject}");
        }
        for subject in [
            "",
            "*",
            ":*",
            "a*",
            "a:*:b",
            "a:*:*",
            "a b",
            "ä",
            &"a".repeat(513),
        ] {
            assert!(check(issuer, subject).is_err(), "{subject}");
        }
        assert!(check("", "a").is_err() && check("https://*.example", "a").is_err());
    }
}
