//! Counts the bytes of a message that are not content. Decoded, a list of empty items takes twenty times its bytes, so
//! it is bounded before it is decoded; content takes its own size.

/// The content field of `CreateArtifactRequest` and of `UploadArtifactRequest`.
const CONTENT: u64 = 2;
/// The field of `BatchCreateArtifactsRequest` with such requests, which are followed as if they were separate. No other
/// message has a message in this field.
const ITEMS: u64 = 15;
/// What an item counts in addition to its bytes: about its decoded size.
const ITEM: usize = 512;

/// Follows the top level of a protobuf message as it arrives.
#[derive(Default)]
pub(super) struct OverheadCounter {
    at: At,
    /// The bytes so far that are not content.
    other: usize,
}

#[derive(Default)]
enum At {
    /// In a field's number and type.
    #[default]
    Key0,
    Key(u64, u32),
    /// In a number that is not a length.
    Number,
    /// In the length of a field of this number.
    Length(u64, u64, u32),
    /// So many bytes before the end of a field, and whether they are content.
    Inside(u64, bool),
    /// It is not a message; the decoder reports it.
    Lost,
}

impl OverheadCounter {
    /// Reads more bytes of the message; returns how many so far are not content.
    pub(super) fn count(&mut self, mut data: &[u8]) -> usize {
        while let Some((&byte, rest)) = data.split_first() {
            match &mut self.at {
                At::Inside(left, content) => {
                    let passed = data.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                    *left -= passed as u64;
                    if !*content {
                        self.other += passed;
                    }
                    if *left == 0 {
                        self.at = At::Key0;
                    }
                    data = &data[passed..];
                    continue;
                }
                At::Lost => {
                    self.other += data.len();
                    return self.other;
                }
                _ => {}
            }
            self.other += 1;
            data = rest;
            self.step(byte);
        }
        self.other
    }

    fn step(&mut self, byte: u8) {
        let (low, ends) = (u64::from(byte & 0x7f), byte < 0x80);
        self.at = match std::mem::take(&mut self.at) {
            At::Key0 if ends => after_key(low),
            At::Key0 => At::Key(low, 7),
            At::Key(key, shift) if shift < 35 => match key | low << shift {
                key if ends => after_key(key),
                key => At::Key(key, shift + 7),
            },
            At::Number if ends => At::Key0,
            At::Number => At::Number,
            At::Length(field, length, shift) if shift < 35 => match length | low << shift {
                _ if ends && field == ITEMS => {
                    self.other += ITEM;
                    At::Key0
                }
                0 if ends => At::Key0,
                length if ends => At::Inside(length, field == CONTENT),
                length => At::Length(field, length, shift + 7),
            },
            _ => At::Lost,
        };
    }
}

fn after_key(key: u64) -> At {
    match key & 7 {
        0 => At::Number,
        1 => At::Inside(8, false),
        2 => At::Length(key >> 3, 0, 0),
        5 => At::Inside(4, false),
        _ => At::Lost,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use cairn_proto::v1::{ArtifactSpec, BatchCreateArtifactsRequest, CreateArtifactRequest};
    use prost::Message;

    use super::OverheadCounter;

    fn other(message: &[u8], piece: usize) -> usize {
        let mut overhead = OverheadCounter::default();
        let passed = message.chunks(piece).map(|piece| overhead.count(piece));
        passed.last().unwrap_or(0)
    }

    #[test]
    fn what_is_not_content_is_counted_in_whatever_pieces_it_comes() {
        let spec = ArtifactSpec {
            filename: "f".repeat(300),
            inputs: vec![String::new(); 1000],
            ..ArtifactSpec::default()
        };
        let spec_bytes = spec.encoded_len();
        let request = CreateArtifactRequest {
            spec: Some(spec),
            content: Bytes::from(vec![7; 100_000]),
            preview_bytes: 0,
        };
        let message = request.encode_to_vec();
        for piece in [1, 2, 3, 1000, message.len()] {
            // Two keys, and lengths of two and three bytes.
            assert_eq!(other(&message, piece), spec_bytes + 7, "{piece}");
        }
    }

    #[test]
    fn the_items_of_a_batch_are_looked_into_and_cost_something_each() {
        let item = |size| CreateArtifactRequest {
            spec: Some(ArtifactSpec {
                filename: "f".repeat(20),
                ..ArtifactSpec::default()
            }),
            content: Bytes::from(vec![7; size]),
            preview_bytes: 0,
        };
        let counted = |requests: Vec<_>| {
            let message = BatchCreateArtifactsRequest { requests }.encode_to_vec();
            other(&message, 7)
        };
        let one = counted(vec![item(1000)]);
        assert!((512..600).contains(&one), "{one}");
        assert_eq!(counted(vec![item(1000); 3]), 3 * one);
        assert_eq!(
            counted(vec![CreateArtifactRequest::default(); 600]),
            600 * 514
        );
    }

    #[test]
    fn nothing_hides_behind_what_is_no_message() {
        assert_eq!(other(&[7; 5000], 100), 5000);
        assert_eq!(other(&[0x12, 0].repeat(3000), 7), 6000, "empty contents");
        assert_eq!(other(&[0xff; 5000], 100), 5000);
        assert_eq!(other(&[0x08, 0x96, 0x01, 0x12, 2, 9, 9], 1), 5);
    }
}
