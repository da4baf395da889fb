//! Lists of artifacts: their filters and their order, checked.

use jiff::Timestamp;
use serde::Serialize;

use super::{
    access::Narrowing,
    artifact::Artifact,
    digest::ContentHash,
    filter::{Comparison, Condition, Filter, Glob, TextField, TextMatch, parse},
    page::Range,
    record::{Kind, Stage},
    text::{Identifier, Metadata, Words, check_metadata_key},
    validate::{Violations, within_reach},
};

/// The filter of a request, unchecked; empty fields are no conditions, and all given ones must hold.
#[derive(Debug, Clone, Default)]
pub struct RawFilter {
    /// Exactly this session.
    pub session_id: String,
    /// Exactly this agent.
    pub agent_id: String,
    /// Exactly this namespace.
    pub namespace: String,
    /// Exactly this user.
    pub user_id: String,
    /// Exactly this filename.
    pub filename: String,
    /// It starts with this.
    pub filename_prefix: String,
    /// It matches this pattern.
    pub filename_glob: String,
    /// Exactly this content type, or `image/*`.
    pub content_type: String,
    /// The name of a kind.
    pub kind: String,
    /// The name of a stage.
    pub stage: String,
    /// Every one of these labels.
    pub labels: Vec<String>,
    /// Created in this range.
    pub created: Range<Timestamp>,
    /// At least this large.
    pub min_size_bytes: Option<i64>,
    /// At most this large.
    pub max_size_bytes: Option<i64>,
    /// Every one of these pairs.
    pub metadata: Vec<(String, String)>,
    /// Every one of these metadata keys.
    pub metadata_keys: Vec<String>,
    /// With a session and a user: also that user's files without a session.
    pub include_user_scope: bool,
    /// Exactly this content.
    pub content_hash: String,
    /// Only persistent artifacts, or only the others.
    pub persistent: Option<bool>,
    /// More conditions, as an expression.
    pub filter: String,
}

/// The order of a list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub enum Order {
    /// Newest first.
    #[default]
    Newest,
    /// By filename.
    Filename,
}

/// A checked list of artifacts.
#[derive(Debug, Clone, Serialize)]
pub struct ArtifactList {
    pub(crate) filter: Filter,
    pub(crate) latest_only: bool,
    pub(crate) order: Order,
    /// With a delimiter: the prefix of the level's names.
    pub(crate) level: Option<String>,
}

impl ArtifactList {
    /// Of this list, what is within a narrowing.
    pub(crate) fn within(&self, narrowing: &Narrowing) -> Self {
        Self {
            filter: narrowing.within(&self.filter),
            ..self.clone()
        }
    }
}

/// The options of a list besides its filter, unchecked.
#[derive(Debug, Clone, Copy, Default)]
pub struct RawOrder<'a> {
    /// `create_time desc`, `filename`, or empty.
    pub order_by: &'a str,
    /// Only the latest visible version of each file.
    pub latest_only: bool,
    /// `/`, or empty.
    pub delimiter: &'a str,
}

/// What a list has.
#[derive(Debug, Clone)]
pub enum Entry {
    /// An artifact.
    Artifact(Box<Artifact>),
    /// A folder of the level, from the first character of the filename to the delimiter.
    Folder(String),
}

impl Entry {
    /// Its approximate size in an answer, in bytes.
    pub(crate) fn weight(&self) -> usize {
        match self {
            Self::Artifact(artifact) => artifact.weight(),
            Self::Folder(folder) => folder.len(),
        }
    }
}

impl RawFilter {
    /// The maximum metadata pairs, keys or labels of a filter: each makes the search more expensive.
    const MAX_EACH: usize = 8;

    /// Checks every part and joins them; records violations.
    pub fn check(self, faults: &mut Violations) -> Filter {
        let mut all = Vec::new();
        if !self.kind.is_empty() {
            faults.check("kind", self.kind.parse::<Kind>());
        }
        if !self.stage.is_empty() {
            faults.check("stage", self.stage.parse::<Stage>());
        }
        let mut text = |field, name, text: String, prefix| {
            if text.contains('\0') {
                // PostgreSQL's text cannot hold it, so nothing can match.
                faults.add(name, "must not contain NUL");
            } else if !text.is_empty() {
                let matching = if prefix {
                    TextMatch::Prefix(text)
                } else {
                    TextMatch::Exactly(text)
                };
                all.push(Filter::Is(Condition::Text(field, matching)));
            }
        };
        let whole_type = self.content_type.strip_suffix('*');
        let of_type = whole_type.map_or(self.content_type.clone(), str::to_owned);
        let session = if self.include_user_scope {
            String::new()
        } else {
            self.session_id.clone()
        };
        use TextField as Field;
        text(Field::SessionId, "session_id", session, false);
        text(Field::AgentId, "agent_id", self.agent_id, false);
        text(Field::Namespace, "namespace", self.namespace, false);
        text(Field::UserId, "user_id", self.user_id.clone(), false);
        text(Field::Filename, "filename", self.filename, false);
        let prefix = self.filename_prefix;
        text(Field::Filename, "filename_prefix", prefix, true);
        let is_prefix = whole_type.is_some();
        text(Field::ContentType, "content_type", of_type, is_prefix);
        text(Field::Kind, "kind", self.kind, false);
        text(Field::Stage, "stage", self.stage, false);
        if !self.filename_glob.is_empty()
            && let Some(glob) = faults.check("filename_glob", Glob::new(&self.filename_glob))
        {
            let matching = TextMatch::Glob(glob);
            all.push(Filter::Is(Condition::Text(TextField::Filename, matching)));
        }
        if self.include_user_scope {
            if self.session_id.is_empty() || self.user_id.is_empty() {
                let rule = "needs session_id and user_id";
                faults.add("include_user_scope", rule);
            }
            let of = |session| {
                let exactly = TextMatch::Exactly(session);
                Filter::Is(Condition::Text(TextField::SessionId, exactly))
            };
            let either = vec![of(self.session_id), of(String::new())];
            all.push(Filter::Any(either));
        }
        let sizes = [
            (Comparison::GreaterOrEqual, self.min_size_bytes),
            (Comparison::LessOrEqual, self.max_size_bytes),
        ];
        for (comparison, size) in sizes {
            all.extend(size.map(|size| Filter::Is(Condition::Size(comparison, size))));
        }
        let moments = [
            (Comparison::GreaterOrEqual, self.created.from),
            (Comparison::Less, self.created.until),
        ];
        for (comparison, moment) in moments {
            let moment = moment.map(within_reach);
            all.extend(moment.map(|at| Filter::Is(Condition::Created(comparison, at))));
        }
        if !self.content_hash.is_empty()
            && let Some(hash) =
                faults.check("content_hash", self.content_hash.parse::<ContentHash>())
        {
            all.push(Filter::Is(Condition::Content(hash.to_hex())));
        }
        let is_persistent = Filter::Is(Condition::Persistent);
        match self.persistent {
            None => {}
            Some(true) => all.push(is_persistent),
            Some(false) => all.push(Filter::Not(Box::new(is_persistent))),
        }
        // In a fixed order, so that the same filter is equal however its parts were sent.
        let mut metadata = self.metadata;
        if faults.fits("metadata", metadata.len(), Self::MAX_EACH) {
            metadata.sort_unstable();
            all.extend(pairs(metadata, faults).into_iter().map(Filter::Is));
        }
        let key = |key: String| check_metadata_key(&key).map(|()| Condition::MetadataKey(key));
        let keys = faults.each("metadata_keys", self.metadata_keys, Self::MAX_EACH, key);
        let label = |text| {
            let label = Identifier::new(text)?;
            Ok::<_, &str>(Condition::Label(label.as_str().to_owned()))
        };
        let labels = faults.each("labels", self.labels, Self::MAX_EACH, label);
        for mut conditions in [keys, labels] {
            conditions.sort_unstable_by(|a, b| name_of(a).cmp(name_of(b)));
            conditions.dedup();
            all.extend(conditions.into_iter().map(Filter::Is));
        }
        match parse(&self.filter) {
            Ok(Filter::All(more)) => all.extend(more),
            Ok(other) => all.push(other),
            Err(e) => faults.add("filter", e.to_string()),
        }
        Filter::All(all)
    }
}

/// Conditions on a few metadata pairs.
fn pairs(metadata: Vec<(String, String)>, faults: &mut Violations) -> Vec<Condition> {
    let mut conditions = Vec::with_capacity(metadata.len());
    for (key, value) in metadata {
        let checked = check_metadata_key(&key)
            .map_err(|rule| format!("the key {rule}"))
            .and_then(|()| Words::new(value, Metadata::MAX_VALUE_BYTES));
        match checked {
            Ok(value) => {
                let value = TextMatch::Exactly(value.as_str().to_owned());
                conditions.push(Condition::Metadata(key, value));
            }
            Err(rule) => faults.add_pairs("metadata", vec![(Some(key), rule)]),
        }
    }
    conditions
}

/// The sort order of keys and labels.
fn name_of(condition: &Condition) -> &str {
    match condition {
        Condition::MetadataKey(name) | Condition::Label(name) => name,
        _ => "",
    }
}

impl ArtifactList {
    /// Builds a list; records violations.
    pub fn new(raw: RawFilter, put: RawOrder<'_>, faults: &mut Violations) -> Option<Self> {
        let by_level = !put.delimiter.is_empty();
        let order = match put.order_by {
            "" if by_level => Ok(Order::Filename),
            "create_time desc" if by_level => Err("must be \"filename\" with a delimiter"),
            "" | "create_time desc" => Ok(Order::Newest),
            "filename" => Ok(Order::Filename),
            _ => Err("must be \"create_time desc\" or \"filename\""),
        };
        if !matches!(put.delimiter, "" | "/") {
            faults.add("delimiter", "must be \"/\"");
        }
        let level = by_level.then(|| raw.filename_prefix.clone());
        let filter = raw.check(faults);
        let order = faults.check("order_by", order)?;
        Some(Self {
            filter,
            latest_only: put.latest_only,
            order,
            level,
        })
    }

    /// Whether it has folders.
    #[must_use]
    pub fn has_levels(&self) -> bool {
        self.level.is_some()
    }
}
