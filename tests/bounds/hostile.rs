//! Every RPC, from the specification, with lists and texts of hostile sizes: what each costs the process before it is
//! refused. The limits are those of the design: 32 MiB and 50 ms of processor time for one request.

use std::{collections::HashMap, fs};

use bytes::Bytes;
use cairn_proto::FILE_DESCRIPTOR_SET;
use prost::Message;
use prost_types::{
    DescriptorProto, FieldDescriptorProto, FileDescriptorSet, field_descriptor_proto::Type,
};
use tokio::process::Child;
use tonic::{Code, body::Body, codegen::http::Request};

use super::transport::{answer, channel, unfinished};
use crate::{
    auth::every_method,
    harness::{Client, eventually, postgres, program, spec},
};

const MEBIBYTE: u64 = 1 << 20;
const MEMORY: u64 = 32 * MEBIBYTE;
/// Milliseconds of processor time for one request; programs that are not optimised take up to twenty times as long.
const PROCESSOR: u64 = if cfg!(debug_assertions) { 1000 } else { 50 };

/// A `cairn-api` of its own.
struct Api {
    process: Child,
    url: String,
    key: String,
    _folder: tempfile::TempDir,
}

impl Api {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = postgres::database().await;
        let config = cairn_store::config::StoreConfig::new(
            database.clone(),
            cairn_store::config::BlobConfig::Fs(folder.path().to_owned()),
        );
        let store = cairn_store::Store::open(&config).await.unwrap();
        let key = store.create_api_key("acme").await.unwrap();
        let [grpc, http, ops] = program::free_addresses();
        let process = program::command(program::program("cairn-api").await)
            .arg("serve")
            .env("CAIRN_DATABASE_URL", &database)
            .env("CAIRN_BLOB_DIR", folder.path())
            .env("CAIRN_GRPC_ADDR", &grpc)
            .env("CAIRN_HTTP_ADDR", &http)
            .env("CAIRN_OPS_ADDR", &ops)
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let url = format!("http://{grpc}");
        let client = Client::connect(&url, Some(key.reveal())).await;
        eventually("the service answers", async || {
            client.create(spec("warm"), "x").await.is_ok()
        })
        .await;
        Self {
            process,
            url,
            key: key.reveal().to_owned(),
            _folder: folder,
        }
    }

    fn proc(&self, file: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{file}", self.process.id().unwrap())).unwrap()
    }

    /// A figure of the process in bytes.
    fn memory(&self, figure: &str) -> u64 {
        let status = self.proc("status");
        let line = status
            .lines()
            .find(|line| line.starts_with(figure))
            .unwrap();
        let kibibytes: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        kibibytes << 10
    }

    /// The most that it holds is counted anew from here; returns what it holds.
    fn forget_most(&self) -> u64 {
        let path = format!("/proc/{}/clear_refs", self.process.id().unwrap());
        fs::write(path, "5").unwrap();
        self.memory("VmRSS")
    }

    /// The processor time that it has taken, in milliseconds; the clock of that ticks a hundred times a second.
    fn processor(&self) -> u64 {
        let stat = self.proc("stat");
        let (_, fields) = stat.rsplit_once(')').unwrap();
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let ticks = |place: usize| fields[place].parse::<u64>().unwrap();
        10 * (ticks(11) + ticks(12))
    }

    fn request(&self, path: &str, body: Body, key: bool) -> Request<Body> {
        let mut request = Request::post(format!("{}{path}", self.url))
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        if key {
            request = request.header("authorization", format!("Bearer {}", self.key));
        }
        request.body(body).unwrap()
    }
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

/// What a field may be filled with up to a size.
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

/// Messages of about a size, each full of one field of the message or of one within it.
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

fn framed(message: &[u8]) -> Bytes {
    let mut frame = vec![0];
    frame.extend_from_slice(&(message.len() as u32).to_be_bytes());
    frame.extend_from_slice(message);
    frame.into()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_costs_more_than_32_mebibytes_and_50_ms() {
    let api = Api::start().await;
    let (known, inputs) = specification();
    let mut channel = channel(&api.url).await;
    let mut worst = (0, String::new());
    for size in [250 << 10, 3_900 << 10] {
        for path in every_method() {
            for (label, message) in messages_of(&inputs[&path], &known, size, 2) {
                let before = (api.forget_most(), api.processor());
                let body = Body::new(http_body_util::Full::new(framed(&message)));
                let request = api.request(&path, body, true);
                let (_, status) = if path.ends_with("WatchSession") {
                    // Where it is taken, it has no end.
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
    let api = Api::start().await;
    let mut channel = channel(&api.url).await;
    let methods = every_method();
    let mut bytes = framed(&vec![1; 3 << 20]).to_vec();
    bytes.truncate(2 << 20);
    let bytes = Bytes::from(bytes);
    let (memory, processor) = (api.forget_most(), api.processor());
    let calls = 10 * methods.len() as u64;
    for path in methods.iter().cycle().take(calls as usize) {
        let request = api.request(path, unfinished(bytes.clone()), false);
        let (_, status) = answer(&mut channel, request).await;
        assert_eq!(status.code(), Code::Unauthenticated, "{path}");
    }
    let grown = api.memory("VmHWM").saturating_sub(memory);
    assert!(grown <= MEMORY, "{} MiB", grown / MEBIBYTE);
    let each = (api.processor() - processor) / calls;
    assert!(each <= PROCESSOR, "{each} ms for each call");
}
