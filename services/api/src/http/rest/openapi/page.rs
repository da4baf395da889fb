//! The description as a page for people. It needs no script, and nothing from elsewhere.

use serde_json::Value;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}\
code,pre{font:14px/1.4 ui-monospace,monospace;background:#f4f4f4}pre{padding:.5rem;overflow:auto}\
summary{cursor:pointer;padding:.3rem 0}summary b{display:inline-block;min-width:4.5rem}\
details{border-bottom:1px solid #ddd}table{border-collapse:collapse}td{padding:.1rem .8rem .1rem 0;vertical-align:top}\
@media(prefers-color-scheme:dark){body{background:#181818;color:#ddd}code,pre{background:#282828}}";

/// The page of a document.
pub(in crate::http::rest) fn page(document: &Value) -> String {
    let mut page = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
         <title>Cairn: the JSON API</title><style>{STYLE}</style><h1>Cairn: the JSON API</h1><p>{}</p>\
         <p><a href=\"openapi.json\">openapi.json</a> is this page for programs.</p>",
        escaped(text(&document["info"]["description"])),
    );
    for (path, methods) in members(&document["paths"]) {
        for (method, operation) in members(methods) {
            describe(&mut page, method, path, operation);
        }
    }
    page += "<h2>Schemas</h2>";
    for (name, schema) in members(&document["components"]["schemas"]) {
        let name = escaped(name);
        page += &format!("<details id=\"{name}\"><summary>{name}</summary>");
        page += &format!("<pre>{}</pre></details>", pretty(schema));
    }
    page
}

fn describe(page: &mut String, method: &str, path: &str, operation: &Value) {
    let (method, path) = (escaped(&method.to_uppercase()), escaped(path));
    let summary = escaped(text(&operation["summary"]));
    *page += &format!("<details><summary><b>{method}</b> <code>{path}</code> {summary}</summary>");
    for paragraph in text(&operation["description"]).split("\n\n") {
        *page += &format!("<p>{}</p>", escaped(paragraph));
    }
    page.push_str("<table>");
    let parameters = operation["parameters"].as_array();
    for parameter in parameters.into_iter().flatten() {
        let (name, place) = (escaped(text(&parameter["name"])), text(&parameter["in"]));
        let description = escaped(text(&parameter["description"]));
        *page += &format!("<tr><td><code>{name}</code><td>{place}<td>{description}");
    }
    page.push_str("</table>");
    for (kind, content) in members(&operation["requestBody"]["content"]) {
        let schema = pretty(&content["schema"]);
        *page += &format!("<p>Body: {}</p><pre>{schema}</pre>", escaped(kind));
    }
    for (status, answer) in members(&operation["responses"]) {
        let contents = members(&answer["content"]);
        let names = contents.filter_map(|(_, content)| content["schema"]["$ref"].as_str());
        let name = escaped(
            names
                .filter_map(|name| name.rsplit('/').next())
                .collect::<String>()
                .as_str(),
        );
        let description = escaped(text(&answer["description"]));
        *page += &format!(
            "<p>{}: {description} <a href=\"#{name}\">{name}</a></p>",
            escaped(status)
        );
    }
    page.push_str("</details>");
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn pretty(value: &Value) -> String {
    escaped(&serde_json::to_string_pretty(value).unwrap_or_default())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
