use cairn_proto::v1::{
    CreateLinkRequest, CreateLinkResponse, GetLinkRequest, GetLinkResponse, ListLinksRequest,
    ListLinksResponse, RevokeLinkRequest, RevokeLinkResponse, link_service_server::LinkService,
};
use cairn_store::LinksOf;
use tonic::{Request, Response, Status};

use super::{Services, convert, taken};
use crate::error::to_status;

#[tonic::async_trait]
impl LinkService for Services {
    async fn create_link(
        &self,
        request: Request<CreateLinkRequest>,
    ) -> Result<Response<CreateLinkResponse>, Status> {
        let (caller, request) = taken(request)?;
        let wanted = convert::link_target(
            &request.artifact_id,
            request.name,
            request.session_id,
            &request.folder,
        )
        .map_err(to_status)?;
        let new = convert::new_link(request.expires_in, request.max_downloads, request.password)
            .map_err(to_status)?;
        let key = convert::idempotency_key(request.idempotency_key).map_err(to_status)?;
        let link = self
            .store
            .create_link(&caller, &wanted, new, key.as_ref())
            .await
            .map_err(to_status)?;
        Ok(Response::new(CreateLinkResponse {
            link: Some(convert::link(link, &self.public_url)),
        }))
    }

    async fn get_link(
        &self,
        request: Request<GetLinkRequest>,
    ) -> Result<Response<GetLinkResponse>, Status> {
        let (caller, request) = taken(request)?;
        let link = self
            .store
            .get_link(&caller, &request.link_id)
            .await
            .map_err(to_status)?;
        Ok(Response::new(GetLinkResponse {
            link: Some(convert::link(link, &self.public_url)),
        }))
    }

    async fn list_links(
        &self,
        request: Request<ListLinksRequest>,
    ) -> Result<Response<ListLinksResponse>, Status> {
        let (caller, request) = taken(request)?;
        let (size, _) = convert::page(request.page_size, None, None).map_err(to_status)?;
        let of = LinksOf::new(&request.artifact_id, request.session_id).map_err(to_status)?;
        let page = self
            .store
            .list_links(&caller, &of, size, &request.page_token)
            .await
            .map_err(to_status)?;
        let links = page.items.into_iter();
        Ok(Response::new(ListLinksResponse {
            links: links
                .map(|link| convert::link(link, &self.public_url))
                .collect(),
            next_page_token: page.next.unwrap_or_default(),
        }))
    }

    async fn revoke_link(
        &self,
        request: Request<RevokeLinkRequest>,
    ) -> Result<Response<RevokeLinkResponse>, Status> {
        let (caller, request) = taken(request)?;
        let key = convert::idempotency_key(request.idempotency_key).map_err(to_status)?;
        let link = self
            .store
            .revoke_link(&caller, &request.link_id, key.as_ref())
            .await
            .map_err(to_status)?;
        Ok(Response::new(RevokeLinkResponse {
            link: Some(convert::link(link, &self.public_url)),
        }))
    }
}
