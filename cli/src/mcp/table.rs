//! Every tool.

use super::tool::{
    Effect::{Destroys, Ends, Reads, Shares, Writes, WritesOnce},
    Field,
    Kind::{self, Flag, Number, OneOf, Texts},
    Set::{Core, Harness},
    Tool,
};

const KINDS: &[&str] = &[
    "code", "document", "config", "plan", "data", "image", "other",
];
const STAGES: &[&str] = &["draft", "review", "final"];
const STATES: &[&str] = &["open", "doing", "done", "dropped"];

const fn must(name: &'static str, kind: Kind, about: &'static str) -> Field {
    Field {
        name,
        kind,
        about,
        required: true,
    }
}

const fn may(name: &'static str, kind: Kind, about: &'static str) -> Field {
    Field {
        name,
        kind,
        about,
        required: false,
    }
}

const ID: Field = may("artifact_id", Kind::Text, "Either this or filename");
const FILENAME: Field = may("filename", Kind::Text, "");
const SESSION: Field = may("session_id", Kind::Text, "");
const VERSION: Field = may("version", Number(1, i64::MAX), "The latest without it");
const LIMIT: Field = may("limit", Number(1, 50), "By default 20");
const CURSOR: Field = may("cursor", Kind::Text, "From the previous answer");
const KIND: Field = may("kind", OneOf(KINDS), "");
const STAGE: Field = may("stage", OneOf(STAGES), "");
const LABEL: Field = may("label", Kind::Text, "");
const LABELS: Field = may("labels", Texts, "");
const FILTER: Field = may(
    "filter",
    Kind::Text,
    "Such as stage = draft AND labels:urgent",
);

pub(super) const TOOLS: &[Tool] = &[
    Tool {
        name: "whoami",
        about: "Show what this key may do, and the default session and agent.",
        set: Core,
        scopes: &[],
        effect: Reads,
        fields: &[],
    },
    Tool {
        name: "store_artifact",
        about: "Store text or bytes as the next version of a file.",
        set: Core,
        scopes: &["write"],
        effect: Writes,
        fields: &[
            must("filename", Kind::Text, "Such as out/report.md"),
            may("content", Kind::Content, "Text of at most 3 MiB"),
            may("content_base64", Kind::Text, "Bytes in place of content"),
            may("path", Kind::Text, "A file of an allowed folder"),
            SESSION,
            may("content_type", Kind::Text, "Guessed without it"),
            may("title", Kind::Text, ""),
            KIND,
            LABELS,
            may("metadata", Texts, "Pairs as key=value"),
            may("inputs", Texts, "Ids of what it was made from"),
            may(
                "if_version",
                Number(0, i64::MAX),
                "Only if this is the latest version, 0: none",
            ),
            may("change_summary", Kind::Text, ""),
        ],
    },
    Tool {
        name: "list_artifacts",
        about: "List artifacts, newest first.",
        set: Core,
        scopes: &["read"],
        effect: Reads,
        fields: &[
            SESSION,
            may("filename_glob", Kind::Text, "Such as out/**/*.md"),
            may("agent_id", Kind::Text, ""),
            KIND,
            STAGE,
            LABEL,
            FILTER,
            may("all_versions", Flag, "Not only the latest of each file"),
            LIMIT,
            CURSOR,
        ],
    },
    Tool {
        name: "get_artifact",
        about: "Show the record of an artifact, without its content.",
        set: Core,
        scopes: &["read"],
        effect: Reads,
        fields: &[ID, FILENAME, SESSION, VERSION],
    },
    Tool {
        name: "read_artifact",
        about: "Read numbered lines of a text, by default the first 16 KiB.",
        set: Core,
        scopes: &["read"],
        effect: Reads,
        fields: &[
            ID,
            FILENAME,
            SESSION,
            VERSION,
            may("first_line", Number(1, i64::MAX), ""),
            may("limit", Number(1, 10_000), "Of lines"),
            may(
                "offset",
                Number(0, i64::MAX),
                "Read text without numbers from this byte on",
            ),
            may("max_bytes", Number(256, 65_536), ""),
            CURSOR,
        ],
    },
    Tool {
        name: "grep_artifacts",
        about: "Find lines by a regular expression, in one artifact or in a session's files.",
        set: Core,
        scopes: &["read"],
        effect: Reads,
        fields: &[
            must("pattern", Kind::Text, ""),
            may("fixed_strings", Flag, "The pattern is a plain text"),
            may("ignore_case", Flag, ""),
            may("context", Number(0, 10), "Lines around each match"),
            may("max_count", Number(1, 1000), "By default 50"),
            ID,
            FILENAME,
            SESSION,
            VERSION,
            may("filename_glob", Kind::Text, "Of a session's files"),
            CURSOR,
        ],
    },
    Tool {
        name: "preview_artifact",
        about: "Describe the content of any artifact in some lines.",
        set: Core,
        scopes: &["read"],
        effect: Reads,
        fields: &[ID, FILENAME, SESSION, VERSION],
    },
    Tool {
        name: "diff_artifact",
        about: "Show what differs between two versions, as a unified diff.",
        set: Core,
        scopes: &["read"],
        effect: Reads,
        fields: &[
            FILENAME,
            SESSION,
            may("from_version", Number(1, i64::MAX), "Of filename"),
            may("to_version", Number(1, i64::MAX), "The latest without it"),
            may("from_artifact_id", Kind::Text, "In place of filename"),
            may("to_artifact_id", Kind::Text, ""),
            may("context", Number(0, 10), "Lines around each change"),
        ],
    },
    Tool {
        name: "edit_artifact",
        about: "Make the next version of a text by replacing old_text or lines.",
        set: Core,
        scopes: &["read", "write"],
        effect: Writes,
        fields: &[
            ID,
            FILENAME,
            SESSION,
            may("old_text", Kind::Text, "There once, exactly"),
            may("new_text", Kind::Content, ""),
            may("everywhere", Flag, "Wherever old_text is"),
            may("first_line", Number(1, i64::MAX), ""),
            may(
                "last_line",
                Number(0, i64::MAX),
                "One less than first_line inserts",
            ),
            may("text", Kind::Content, "In place of the lines"),
            may("if_version", Number(1, i64::MAX), "Only this version"),
            may("change_summary", Kind::Text, ""),
        ],
    },
    Tool {
        name: "list_sessions",
        about: "List sessions, the most recently active first.",
        set: Core,
        scopes: &["read"],
        effect: Reads,
        fields: &[
            may("prefix", Kind::Text, "Of session ids"),
            LABEL,
            LIMIT,
            CURSOR,
        ],
    },
    Tool {
        name: "seal_session",
        about: "Seal a session: nothing can be added to it any more.",
        set: Core,
        scopes: &["seal"],
        effect: Ends,
        fields: &[must("session_id", Kind::Text, "")],
    },
    Tool {
        name: "create_download_link",
        about: "Make a public URL of an artifact that expires.",
        set: Core,
        scopes: &["link", "read"],
        effect: Shares,
        fields: &[
            ID,
            FILENAME,
            SESSION,
            VERSION,
            may("expires_in", Kind::Text, "Such as 24h or 7d, by default 7d"),
            may("max_downloads", Number(1, 1_000_000_000), ""),
        ],
    },
    Tool {
        name: "get_artifact_download_url",
        about: "Sign a URL that reads an artifact for a short time.",
        set: Core,
        scopes: &["read"],
        effect: Shares,
        fields: &[
            ID,
            FILENAME,
            SESSION,
            VERSION,
            may("expires_in", Kind::Text, "At most 1h, by default 15m"),
        ],
    },
    Tool {
        name: "delete_artifact",
        about: "Delete an artifact, or every version of a file.",
        set: Core,
        scopes: &["delete"],
        effect: Destroys,
        fields: &[
            ID,
            FILENAME,
            SESSION,
            VERSION,
            may("all_versions", Flag, "Of filename"),
        ],
    },
    Tool {
        name: "artifact_create",
        about: "Create a titled document as a draft.",
        set: Harness,
        scopes: &["write"],
        effect: Writes,
        fields: &[
            must("title", Kind::Text, ""),
            must("content", Kind::Content, ""),
            must("kind", OneOf(KINDS), ""),
            may("filename", Kind::Text, "Made of the title without it"),
            may("language", Kind::Text, ""),
            LABELS,
            SESSION,
        ],
    },
    Tool {
        name: "artifact_update",
        about: "Store the next version of a document, or change its title or labels.",
        set: Harness,
        scopes: &["read", "write"],
        effect: Writes,
        fields: &[
            must("artifact_id", Kind::Text, "Its latest version"),
            may("content", Kind::Content, ""),
            may("change_summary", Kind::Text, ""),
            may("title", Kind::Text, ""),
            may("labels", Texts, "In place of all labels"),
        ],
    },
    Tool {
        name: "artifact_get",
        about: "Read a document: a line about it, then its first 16 KiB.",
        set: Harness,
        scopes: &["read"],
        effect: Reads,
        fields: &[must("artifact_id", Kind::Text, "")],
    },
    Tool {
        name: "artifact_list",
        about: "List the documents of a session.",
        set: Harness,
        scopes: &["read"],
        effect: Reads,
        fields: &[SESSION, KIND, STAGE, LABEL, LIMIT, CURSOR],
    },
    Tool {
        name: "artifact_stage",
        about: "Move documents to a stage; a plan that becomes final makes todos of its steps.",
        set: Harness,
        scopes: &["write"],
        effect: WritesOnce,
        fields: &[
            must("stage", OneOf(STAGES), ""),
            may("artifact_ids", Texts, "Either these or filter"),
            FILTER,
            SESSION,
        ],
    },
    Tool {
        name: "artifact_delete",
        about: "Delete documents, or say what would be deleted.",
        set: Harness,
        scopes: &["delete"],
        effect: Destroys,
        fields: &[
            may("artifact_ids", Texts, "Either these or filter"),
            FILTER,
            SESSION,
            may("dry_run", Flag, "Delete nothing"),
        ],
    },
    Tool {
        name: "todo_list",
        about: "List todos, plan by plan.",
        set: Harness,
        scopes: &["read"],
        effect: Reads,
        fields: &[
            SESSION,
            may("plan_id", Kind::Text, "The artifact of a plan"),
            LABEL,
            may("state", OneOf(STATES), ""),
            LIMIT,
            CURSOR,
        ],
    },
    Tool {
        name: "todo_add",
        about: "Add a todo to a plan or to a session.",
        set: Harness,
        scopes: &["write"],
        effect: Writes,
        fields: &[
            must("text", Kind::Text, ""),
            may("plan_id", Kind::Text, "Either this or session_id"),
            SESSION,
        ],
    },
    Tool {
        name: "todo_update",
        about: "Change the state or the text of a todo.",
        set: Harness,
        scopes: &["write"],
        effect: WritesOnce,
        fields: &[
            must("todo_id", Kind::Text, ""),
            may("state", OneOf(STATES), ""),
            may("text", Kind::Text, ""),
        ],
    },
];

#[cfg(test)]
mod tests {
    use super::{Kind, TOOLS};

    #[test]
    fn names_are_few_and_plain() {
        for tool in TOOLS {
            let plain = |c: char| c.is_ascii_lowercase() || c == '_';
            assert!(
                tool.name.len() <= 40 && tool.name.chars().all(plain),
                "{}",
                tool.name
            );
            assert!(tool.about.ends_with('.') && tool.about.matches(". ").count() == 0);
            let same = TOOLS.iter().filter(|other| other.name == tool.name);
            assert_eq!(same.count(), 1);
            for field in tool.fields {
                assert!(!matches!(field.kind, Kind::OneOf([])), "{}", field.name);
            }
        }
    }
}
