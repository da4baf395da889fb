//! Keys: how callers with the scope for it make, show, replace and end them.

use cairn_proto::v1::{
    ApiKey, CreateKeyRequest, CreateKeyResponse, ListKeysRequest, Narrowing, RevokeKeyRequest,
    RotateKeyRequest, Scope, WhoAmIRequest, admin_service_client::AdminServiceClient,
};
use prost_types::Duration;
use tonic::{Code, Request, Status, transport::Endpoint};

use harness::{Bytes, Cairn, Client, Refusal, Setup, eventually, refused};

/// Calls of `AdminService` with one key.
struct Admin<'a> {
    cairn: &'a Cairn,
    key: &'a str,
}

impl Admin<'_> {
    fn client(&self) -> AdminServiceClient<tonic::transport::Channel> {
        let endpoint = Endpoint::from_shared(self.cairn.grpc_url.clone()).unwrap();
        AdminServiceClient::new(endpoint.connect_lazy())
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        let bearer = format!("Bearer {}", self.key).parse().unwrap();
        request.metadata_mut().insert("authorization", bearer);
        request
    }

    async fn create(&self, request: CreateKeyRequest) -> Result<CreateKeyResponse, Status> {
        let answer = self.client().create_key(self.request(request)).await;
        answer.map(tonic::Response::into_inner)
    }

    async fn list(&self) -> Vec<ApiKey> {
        let request = self.request(ListKeysRequest {});
        let answer = self.client().list_keys(request).await.unwrap();
        answer.into_inner().keys
    }
}

async fn started() -> Cairn {
    Setup::on(Bytes::Files).start().await
}

fn reading(name: &str) -> CreateKeyRequest {
    CreateKeyRequest {
        name: name.to_owned(),
        scopes: vec![Scope::Read.into()],
        ..Default::default()
    }
}

async fn who_am_i(cairn: &Cairn, key: &str) -> Result<(), Refusal> {
    let client = Client::connect(&cairn.grpc_url, Some(key)).await;
    match client.identity.clone().who_am_i(WhoAmIRequest {}).await {
        Ok(_) => Ok(()),
        Err(status) => Err(refused::<()>(Err(status))),
    }
}

#[tokio::test]
async fn a_key_is_made_as_asked_and_listed_without_its_secret() {
    let cairn = started().await;
    let admin = Admin {
        cairn: &cairn,
        key: &cairn.key,
    };
    let made = admin.create(CreateKeyRequest {
        narrowing: Some(Narrowing {
            session_ids: vec!["run".to_owned()],
            ..Default::default()
        }),
        expires_in: Some(Duration {
            seconds: 3600,
            nanos: 0,
        }),
        ..reading("ci")
    });
    let made = made.await.unwrap();
    assert!(made.api_key.starts_with("ck_") && made.api_key.len() == 43);
    let key = made.key.unwrap();
    assert_eq!(
        (&*key.name, &*key.scopes),
        ("ci", &[Scope::Read.into()][..])
    );
    assert!(made.api_key.ends_with(&key.last_4) && key.last_used_at.is_none());
    who_am_i(&cairn, &made.api_key).await.unwrap();
    eventually("its use is noted", async || {
        let listed = admin.list().await;
        let key = listed.iter().find(|it| it.key_id == key.key_id).unwrap();
        key.last_used_at.is_some()
    })
    .await;
    let other = cairn.client_of("globex").await;
    drop(other);
    assert_eq!(
        admin.list().await.len(),
        2,
        "another tenant's are not shown"
    );
}

#[tokio::test]
async fn a_key_gives_no_more_than_it_has() {
    let cairn = started().await;
    let admin = Admin {
        cairn: &cairn,
        key: &cairn.key,
    };
    let request = CreateKeyRequest {
        scopes: vec![Scope::Admin.into(), Scope::Read.into()],
        expires_in: Some(Duration {
            seconds: 60,
            nanos: 0,
        }),
        ..reading("lesser")
    };
    let lesser = admin.create(request.clone()).await.unwrap().api_key;
    let lesser = Admin {
        cairn: &cairn,
        key: &lesser,
    };
    let wider = CreateKeyRequest {
        scopes: vec![Scope::Write.into()],
        ..request.clone()
    };
    let refusal = refused(lesser.create(wider).await);
    assert_eq!(
        (refusal.code, &*refusal.metadata["scope"]),
        (Code::PermissionDenied, "write")
    );
    for expires_in in [None, Some(7200)] {
        let longer = CreateKeyRequest {
            expires_in: expires_in.map(|seconds| Duration { seconds, nanos: 0 }),
            ..reading("longer")
        };
        let refusal = refused(lesser.create(longer).await);
        assert_eq!(refusal.fields, ["expires_in"]);
    }
    let shorter = CreateKeyRequest {
        expires_in: Some(Duration {
            seconds: 30,
            nanos: 0,
        }),
        ..reading("shorter")
    };
    lesser.create(shorter).await.unwrap();
    let both = CreateKeyRequest {
        scopes: vec![Scope::Admin.into()],
        narrowing: Some(Narrowing {
            user_id: "u".to_owned(),
            ..Default::default()
        }),
        ..reading("both")
    };
    assert_eq!(refused(admin.create(both).await).fields, ["scopes"]);
}

#[tokio::test]
async fn a_rotated_key_works_on_for_the_overlap() {
    let cairn = started().await;
    let admin = Admin {
        cairn: &cairn,
        key: &cairn.key,
    };
    let old = admin.create(reading("ci")).await.unwrap();
    let id = old.key.unwrap().key_id;
    let rotate = async |overlap: Option<Duration>| {
        let request = RotateKeyRequest {
            key_id: id.clone(),
            overlap,
        };
        admin.client().rotate_key(admin.request(request)).await
    };
    let new = rotate(None).await.unwrap().into_inner();
    let key = new.key.unwrap();
    assert_eq!(
        (&*key.name, &*key.scopes),
        ("ci", &[Scope::Read.into()][..])
    );
    assert!(key.expires_at.is_none() && new.replaced.unwrap().expires_at.is_some());
    who_am_i(&cairn, &old.api_key).await.unwrap();
    who_am_i(&cairn, &new.api_key).await.unwrap();
    rotate(Some(Duration::default())).await.unwrap();
    let refusal = who_am_i(&cairn, &old.api_key).await.unwrap_err();
    assert_eq!(refusal.reason, "UNAUTHENTICATED");
    assert_eq!(refused(rotate(None).await).reason, "KEY_NOT_FOUND");
}

#[tokio::test]
async fn a_revoked_key_and_an_expired_one_are_refused() {
    let cairn = started().await;
    let admin = Admin {
        cairn: &cairn,
        key: &cairn.key,
    };
    let revoked = admin.create(reading("revoked")).await.unwrap();
    let key_id = revoked.key.unwrap().key_id;
    for _ in 0..2 {
        let request = RevokeKeyRequest {
            key_id: key_id.clone(),
        };
        let answer = admin.client().revoke_key(admin.request(request)).await;
        assert!(
            answer
                .unwrap()
                .into_inner()
                .key
                .unwrap()
                .revoked_at
                .is_some()
        );
    }
    let expired = admin.create(reading("expired")).await.unwrap();
    cairn
        .sql("UPDATE api_keys SET expires_at = now() WHERE name = 'expired'")
        .await;
    for key in [revoked.api_key, expired.api_key] {
        let refusal = who_am_i(&cairn, &key).await.unwrap_err();
        assert_eq!(refusal.reason, "UNAUTHENTICATED");
    }
}

#[tokio::test]
async fn a_key_of_an_earlier_release_may_do_everything() {
    let cairn = started().await;
    let earlier = "cairn_0123456789012345678901234567890123456789";
    cairn
        .sql(&format!(
            "INSERT INTO api_keys (id, tenant_id, secret_sha256, last_4)
             SELECT gen_random_uuid(), id, sha256('{earlier}'), '6789' FROM tenants"
        ))
        .await;
    let admin = Admin {
        cairn: &cairn,
        key: earlier,
    };
    let keys = admin.list().await;
    let key = keys.iter().find(|key| key.last_4 == "6789").unwrap();
    assert_eq!(key.scopes.len(), 7);
}
