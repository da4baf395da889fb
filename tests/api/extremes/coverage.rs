//! What the specification says can be written and read, so that new fields and calls are tested too.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Mutex,
};

use cairn_proto::FILE_DESCRIPTOR_SET;
use prost::Message;
use prost_types::{DescriptorProto, FileDescriptorSet, field_descriptor_proto::Type};

const PACKAGE: &str = ".cairn.v1.";

/// The messages of the package by their names, and of each call the names of its request and its response.
pub(super) struct Specification {
    messages: HashMap<String, DescriptorProto>,
    calls: BTreeMap<String, [String; 2]>,
}

impl Specification {
    pub(super) fn read() -> Self {
        let files = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap().file;
        let ours: Vec<_> = files
            .into_iter()
            .filter(|file| file.package() == "cairn.v1")
            .collect();
        let short = |name: &str| name.trim_start_matches(PACKAGE).to_owned();
        // The tests of operators have the other service.
        let methods = ours.iter().flat_map(|file| &file.service);
        let methods = methods.filter(|service| service.name() != "OperatorService");
        let methods = methods.flat_map(|service| &service.method);
        let calls = methods.map(|method| {
            let ends = [method.input_type(), method.output_type()].map(short);
            (method.name().to_owned(), ends)
        });
        Self {
            calls: calls.collect(),
            messages: ours
                .into_iter()
                .flat_map(|file| file.message_type)
                .map(|message| (message.name().to_owned(), message))
                .collect(),
        }
    }

    /// The messages within a message, including itself.
    fn within(&self, name: &str, found: &mut BTreeSet<String>) {
        let Some(message) = self.messages.get(name) else {
            return;
        };
        if found.insert(name.to_owned()) {
            for field in &message.field {
                self.within(field.type_name().trim_start_matches(PACKAGE), found);
            }
        }
    }

    /// Every field of every request, as `Message.field`.
    pub(super) fn fields_of_requests(&self) -> BTreeSet<String> {
        let mut messages = BTreeSet::new();
        for [request, _] in self.calls.values() {
            self.within(request, &mut messages);
        }
        let fields = messages.iter().flat_map(|name| {
            let fields = self.messages[name].field.iter();
            fields.map(move |field| format!("{name}.{}", field.name()))
        });
        fields.collect()
    }

    /// The calls whose answers have a message of this name somewhere.
    pub(super) fn calls_that_answer(&self, name: &str) -> BTreeSet<String> {
        let answers = self.calls.iter().filter(|(_, [_, response])| {
            let mut messages = BTreeSet::new();
            self.within(response, &mut messages);
            messages.contains(name)
        });
        answers.map(|(call, _)| call.clone()).collect()
    }
}

/// The fields that were sent with a value.
pub(super) struct Sent {
    specification: Specification,
    fields: Mutex<BTreeSet<String>>,
}

impl Sent {
    pub(super) fn nothing() -> Self {
        Self {
            specification: Specification::read(),
            fields: Mutex::default(),
        }
    }

    /// Records the fields of a request that is about to be sent.
    pub(super) fn note<M: Message>(&self, request: M) -> M {
        let name = std::any::type_name::<M>().rsplit("::").next().unwrap();
        let mut fields = self.fields.lock().unwrap();
        self.walk(name, &request.encode_to_vec(), &mut fields);
        request
    }

    fn walk(&self, name: &str, mut encoded: &[u8], fields: &mut BTreeSet<String>) {
        let message = &self.specification.messages[name];
        while !encoded.is_empty() {
            let (tag, wire_type) = prost::encoding::decode_key(&mut encoded).unwrap();
            let field = message.field.iter().find(|f| f.number() as u32 == tag);
            let field = field.unwrap();
            fields.insert(format!("{name}.{}", field.name()));
            let within = field.type_name().trim_start_matches(PACKAGE);
            if field.r#type() == Type::Message && self.specification.messages.contains_key(within) {
                let length = prost::encoding::decode_varint(&mut encoded).unwrap() as usize;
                let (inner, rest) = encoded.split_at(length);
                self.walk(within, inner, fields);
                encoded = rest;
            } else {
                let context = prost::encoding::DecodeContext::default();
                prost::encoding::skip_field(wire_type, tag, &mut encoded, context).unwrap();
            }
        }
    }

    /// The fields of requests that were never sent with a value, without those of these messages.
    pub(super) fn missing(&self, messages: &[&str]) -> Vec<String> {
        let sent = self.fields.lock().unwrap();
        let all = self.specification.fields_of_requests();
        let wanted = all.into_iter().filter(|name| {
            let (message, _) = name.split_once('.').unwrap();
            !messages.contains(&message)
        });
        wanted.filter(|name| !sent.contains(name)).collect()
    }
}
