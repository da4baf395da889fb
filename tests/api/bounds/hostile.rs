//! Every RPC, from the specification, with lists and texts of hostile sizes: what each costs the process before it is
//! refused. The limits come from the design: 32 MiB and 50 ms of processor time for one request.

use std::collections::HashMap;

use cairn_proto::FILE_DESCRIPTOR_SET;
use prost::Message;
use prost_types::{
    DescriptorProto, FieldDescriptorProto, FileDescriptorSet, field_descriptor_proto::Type,
};
use tonic::{Code, body::Body, codegen::http::Request};

use super::transport::{answer, channel, unfinished};
use crate::auth::every_method;
use harness::{ApiProcess, Bytes};

const MEBIBYTE: u64 = 1 << 20;
const MEMORY: u64 = 32 * MEBIBYTE;
/// Milliseconds of processor time for one request; unoptimised programs take up to twenty times as long.
const PROCESSOR: u64 = if cfg!(debug_assertions) { 1000 } else { 50 };

fn request(api: &ApiProcess, path: &str, body: Body, key: bool) -> Request<Body> {
    let mut request = Request::post(format!("{}{path}", api.url))
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    if key {
        request = request.header("authorization", format!("Bearer {}", api.key));
    }
    request.body(body).unwrap()
}

/// The messages of the specification by their full names, and the input of each method.
fn specification() -> (HashMap<String, DescriptorProto>, HashMap<String, String>) {
    let files = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap().file;
    let (mut messages, mut inputs) = (HashMap::new(), HashMap::new());
    for file in files {
        let package = format!(".{}", file.package());
        for message in &file.message_type {
            let name = format!("{package}.{}", message.name());
            for nested in &message.nested_type {
                messages.insert(format!("{name}.{}", nested.name()), nested.clone());
            }
            messages.insert(name, message.clone());
        }
        for service in &file.service {
            for method in &service.method {
                let path = format!("/{}.{}/{}", file.package(), service.name(), method.name());
                inputs.insert(path, method.input_type().to_owned());
            }
        }
    }
    (messages, inputs)
}

fn varint(mut number: u64, to: &mut Vec<u8>) {
    while number >= 0x80 {
        to.push((number as u8) | 0x80);
        number >>= 7;
    }
    to.push(number as u8);
}

fn put(number: i32, bytes: &[u8], to: &mut Vec<u8>) {
    varint((number as u64) << 3 | 2, to);
    varint(bytes.len() as u64, to);
    to.extend_from_slice(bytes);
}

/// The content of a field, up to a size.
fn fillings(field: &FieldDescriptorProto, size: usize) -> Vec<Vec<u8>> {
    let mut of_nothings = Vec::new();
    while of_nothings.len() < size {
        put(field.number(), b"", &mut of_nothings);
    }
    let mut long = Vec::new();
    put(field.number(), &vec![b'a'; size], &mut long);
    let mut of_ids = Vec::new();
    let mut number = 0_u64;
    while of_ids.len() < size {
        put(
            field.number(),
            format!("art_{number:016}").as_bytes(),
            &mut of_ids,
        );
        number += 1;
    }
    match field.r#type() {
        Type::String | Type::Bytes => vec![long, of_nothings, of_ids],
        Type::Message => vec![of_nothings],
        _ => vec![long],
    }
}

/// Messages of about a size, each full of one field of the message or of a nested one.
fn messages_of(
    name: &str,
    known: &HashMap<String, DescriptorProto>,
    size: usize,
    depth: usize,
) -> Vec<(String, Vec<u8>)> {
    let Some(message) = known.get(name) else {
        return vec![];
    };
    let mut made = Vec::new();
    for field in &message.field {
        let label = format!("{name}.{}", field.name());
        for filling in fillings(field, size) {
            made.push((label.clone(), filling));
        }
        if field.r#type() == Type::Message && depth > 0 {
            for (label, inner) in messages_of(field.type_name(), known, size, depth - 1) {
                let mut outer = Vec::new();
                put(field.number(), &inner, &mut outer);
                made.push((label, outer));
            }
        }
    }
    made
}

fn framed(message: &[u8]) -> bytes::Bytes {
    let mut frame = vec![0];
    frame.extend_from_slice(&(message.len() as u32).to_be_bytes());
    frame.extend_from_slice(message);
    frame.into()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_costs_more_than_32_mebibytes_and_50_ms() {
    let api = ApiProcess::start(Bytes::Files, &[]).await;
    let (known, inputs) = specification();
    let mut channel = channel(&api.url).await;
    let mut worst = (0, String::new());
    for size in [250 << 10, 3_900 << 10] {
        for path in every_method() {
            for (label, message) in messages_of(&inputs[&path], &known, size, 2) {
                let before = (api.forget_most(), api.processor());
                let body = Body::new(http_body_util::Full::new(framed(&message)));
                let request = request(&api, &path, body, true);
                let (_, status) = if path.contains("/WatchSession") {
                    // If it is accepted, it has no end.
                    let watch = answer(&mut channel, request);
                    let watched = tokio::time::timeout(std::time::Duration::from_secs(5), watch);
                    let Ok(answered) = watched.await else {
                        continue;
                    };
                    answered
                } else {
                    answer(&mut channel, request).await
                };
                let what = format!("{path} with {size} bytes of {label}: {status:?}");
                assert!(
                    ![Code::Internal, Code::Unknown].contains(&status.code()),
                    "{what}"
                );
                let grown = api.memory("VmHWM").saturating_sub(before.0);
                let took = api.processor() - before.1;
                assert!(grown <= MEMORY, "{} MiB for {what}", grown / MEBIBYTE);
                assert!(took <= PROCESSOR, "{took} ms for {what}");
                if took > worst.0 {
                    worst = (took, what);
                }
            }
        }
    }
    println!("at most {} ms, for {}", worst.0, worst.1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_credential_large_bodies_take_no_memory() {
    let api = ApiProcess::start(Bytes::Files, &[]).await;
    let mut channel = channel(&api.url).await;
    let methods = every_method();
    let mut bytes = framed(&vec![1; 3 << 20]).to_vec();
    bytes.truncate(2 << 20);
    let bytes = bytes::Bytes::from(bytes);
    let (memory, processor) = (api.forget_most(), api.processor());
    let calls = 10 * methods.len() as u64;
    for path in methods.iter().cycle().take(calls as usize) {
        let request = request(&api, path, unfinished(bytes.clone()), false);
        let (_, status) = answer(&mut channel, request).await;
        assert_eq!(status.code(), Code::Unauthenticated, "{path}");
    }
    let grown = api.memory("VmHWM").saturating_sub(memory);
    assert!(grown <= MEMORY, "{} MiB", grown / MEBIBYTE);
    let each = (api.processor() - processor) / calls;
    assert!(each <= PROCESSOR, "{each} ms for each call");
}
