//! An OpenTelemetry collector that keeps what it receives.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    trace::v1::Span,
};
use tokio::net::TcpListener;
use tonic::{
    Request, Response, Status,
    transport::{Server, server::TcpIncoming},
};

/// The spans that have arrived.
#[derive(Clone, Default)]
pub(super) struct Collector {
    spans: Arc<Mutex<Vec<Span>>>,
}

impl Collector {
    /// Starts one, and returns its address.
    pub(super) async fn start() -> (Self, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let collector = Self::default();
        let service = TraceServiceServer::new(collector.clone());
        let server = Server::builder().add_service(service);
        tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
        (collector, endpoint)
    }

    /// The spans of a trace.
    pub(super) fn trace(&self, id: &str) -> Trace {
        let id = hex::decode(id).unwrap();
        let spans = self.spans.lock().unwrap();
        let spans = spans.iter().filter(|span| span.trace_id == id);
        Trace(
            spans
                .map(|span| (span.span_id.clone(), span.clone()))
                .collect(),
        )
    }
}

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let resources = request.into_inner().resource_spans.into_iter();
        let scopes = resources.flat_map(|resource| resource.scope_spans);
        let spans = scopes.flat_map(|scope| scope.spans);
        self.spans.lock().unwrap().extend(spans);
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

/// The spans of a trace, by their ids.
pub(super) struct Trace(HashMap<Vec<u8>, Span>);

impl Trace {
    /// The names of a span and of all above it, up to the one with this parent, which is not ours. `None` if no span
    /// has a matching name, or it is not connected to that parent.
    pub(super) fn path(&self, name: &str, root: &str) -> Option<Vec<&str>> {
        let root = hex::decode(root).unwrap();
        let mut span = self.0.values().find(|span| span.name == name)?;
        let mut path = vec![&*span.name];
        while span.parent_span_id != root {
            span = self.0.get(&span.parent_span_id)?;
            path.push(&span.name);
        }
        Some(path)
    }
}
