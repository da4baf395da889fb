//! What both ends of the wire must agree on: the Rust form of `proto/cairn/v1`, the JSON form of its messages, the
//! meaning of its error reasons, and which characters are not shown as they are.
//!
//! `proto/cairn/v1` is the specification: its comments are the contract.

pub mod json;
pub mod reason;
pub mod text;
pub mod token;

/// The messages, clients and servers of package `cairn.v1`.
#[expect(
    clippy::large_enum_variant,
    reason = "the shape of generated messages is the wire's, not ours"
)]
pub mod v1 {
    tonic::include_proto!("cairn.v1");
}

/// The encoded `FileDescriptorSet` of `proto/`, for gRPC reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// The domain of every `google.rpc.ErrorInfo` that Cairn sends.
pub const ERROR_DOMAIN: &str = "cairn.dev";
