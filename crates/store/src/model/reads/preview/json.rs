//! The shape of JSON: which members its objects have, of which types, and how many items its arrays have.

use std::fmt::{self, Write as _};

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// The most members of an object that are described.
const MOST_MEMBERS: usize = 40;
/// How deep it is described.
const DEEPEST: usize = 6;
/// The longest name of a member that is written.
const LONGEST_NAME: usize = 80;

/// What the values at one place are.
#[derive(Debug, Default)]
struct Shape {
    types: Vec<&'static str>,
    members: Vec<(String, Shape)>,
    more_members: bool,
    items: Option<Box<Shape>>,
    /// The most items of one array.
    most_items: usize,
}

/// Adds a value to a shape. What was added before an error stays.
struct Adding<'a>(&'a mut Shape, usize);

impl<'de> DeserializeSeed<'de> for Adding<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Adding<'_> {
    fn is<E>(self, name: &'static str) -> Result<(), E> {
        if !self.0.types.contains(&name) {
            self.0.types.push(name);
        }
        Ok(())
    }
}

impl<'de> Visitor<'de> for Adding<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        self.is("boolean")
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        self.is("number")
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        self.is("number")
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        self.is("number")
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        self.is("string")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.is("null")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let Self(shape, depth) = self;
        let item = shape.items.get_or_insert_default();
        let mut count = 0;
        loop {
            let is_more = match depth < DEEPEST {
                true => items
                    .next_element_seed(Adding(&mut *item, depth + 1))?
                    .is_some(),
                false => items.next_element::<IgnoredAny>()?.is_some(),
            };
            if !is_more {
                return Ok(());
            }
            count += 1;
            shape.most_items = shape.most_items.max(count);
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let Self(shape, depth) = self;
        if !shape.types.contains(&"object") {
            shape.types.push("object");
        }
        while let Some(name) = members.next_key::<String>()? {
            let known = shape.members.iter().position(|(known, _)| *known == name);
            let place = match known {
                Some(place) => place,
                None if shape.members.len() < MOST_MEMBERS && depth < DEEPEST => {
                    shape.members.push((name, Shape::default()));
                    shape.members.len() - 1
                }
                None => {
                    shape.more_members = true;
                    members.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            members.next_value_seed(Adding(&mut shape.members[place].1, depth + 1))?;
        }
        Ok(())
    }
}

impl Shape {
    fn write(&self, text: &mut String, depth: usize) {
        let mut written = Vec::new();
        for name in &self.types {
            written.push(match *name {
                "object" => self.object(depth),
                name => name.to_owned(),
            });
        }
        if let Some(item) = &self.items {
            let mut items = String::new();
            item.write(&mut items, depth);
            written.push(format!("[{} x {items}]", self.most_items));
        }
        if written.is_empty() {
            written.push("nothing".to_owned());
        }
        *text += &written.join(" | ");
    }

    fn object(&self, depth: usize) -> String {
        if self.members.is_empty() {
            return if self.more_members { "{…}" } else { "{}" }.to_owned();
        }
        let mut text = "{\n".to_owned();
        let indent = "  ".repeat(depth + 1);
        for (name, shape) in &self.members {
            let shown = name.floor_char_boundary(LONGEST_NAME);
            let _ = write!(text, "{indent}{:?}: ", &name[..shown]);
            shape.write(&mut text, depth + 1);
            text.push('\n');
        }
        if self.more_members {
            let _ = writeln!(text, "{indent}…");
        }
        text + &"  ".repeat(depth) + "}"
    }
}

/// Describes the values in a text, of which there may be only a beginning.
pub(super) fn shape(text: &str, is_whole: bool) -> String {
    let mut shape = Shape::default();
    let (mut rest, mut values, mut is_broken) = (text.trim_start_matches('\u{feff}'), 0, false);
    while !rest.trim_start().is_empty() {
        let mut json = serde_json::Deserializer::from_str(rest);
        if Adding(&mut shape, 0).deserialize(&mut json).is_err() {
            is_broken = true;
            break;
        }
        let mut following = json.into_iter::<IgnoredAny>();
        let read = following.byte_offset();
        values += 1;
        if read == 0 && following.next().is_none() {
            break;
        }
        rest = &rest[read..];
    }
    if shape.types.is_empty() && shape.items.is_none() {
        return String::new();
    }
    let mut text = String::new();
    if values > 1 {
        let _ = write!(text, "{values} values: ");
    }
    shape.write(&mut text, 0);
    match (is_broken, is_whole) {
        (true, true) => text += "\n(then it is not valid JSON)",
        (true, false) => text += "\n(of its first 256 KiB)",
        (false, _) => {}
    }
    text + "\n"
}
