//! What a real browser makes of the pages: that people can use them, and that content does nothing in them.
//! With `CAIRN_SCREENSHOTS` it leaves pictures in that folder (`make screenshots`).

use std::{env, path::Path};

use futures_util::FutureExt;
use tokio::net::TcpListener;

use super::{linked, sessions::share};
use harness::{Cairn, program, session_spec, spec};

const REPORT: &str = "# Third quarter

Sales rose by **12 %** over the second quarter, most of it in the north.

| Region | Q2 | Q3 |
|---|---|---|
| North | 120 | 151 |
| South | 98 | 97 |

- [x] numbers checked
- [ ] sent to finance

```python
def total(rows):
    return sum(row.amount for row in rows if row.region != \"south\" and row.amount > 0 or row.forced)
```

> See [the plan](https://example.org/plan).
";

/// A PDF that runs a script when it is opened.
fn pdf(script: &str) -> Vec<u8> {
    format!(
        "%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R/OpenAction<</S/JavaScript/JS({script})>>>>endobj
2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1/AA<</O<</S/JavaScript/JS({script})>>>>>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 200]/Contents 4 0 R>>endobj
4 0 obj<</Length 0>>stream
endstream endobj
trailer<</Root 1 0 R>>
"
    )
    .into_bytes()
}

/// What tries to run: each sets `ran` or calls the canary.
fn attacks(canary: &str) -> Vec<(&'static str, String)> {
    let script = format!("window.ran=true;top.ran=true;alert(1);fetch('{canary}/x')");
    let image = format!("<img src=\"{canary}/i\" onerror=\"{script}\">");
    let markdown = [
        format!("<script>{script}</script>"),
        image.clone(),
        format!("![x]({canary}/tracked.png)"),
        format!("[x](javascript:{script})"),
        format!("<iframe srcdoc=\"<script>{script}</script>\"></iframe>"),
        format!("<svg/onload={script}>"),
        format!("<style>@import '{canary}/s';</style>"),
        format!("<base href=\"{canary}/\"><meta http-equiv=refresh content=\"0;url={canary}\">"),
        format!("<a href=\"{canary}\" onmouseover={script}>x</a>"),
        format!("```\"><script>{script}</script>\n```"),
        format!("[x]: javascript:{script} \"<script>{script}</script>\"\n\n[x]"),
        format!(
            "<details open ontoggle={script}><math><mtext></table><img src=x onerror={script}>"
        ),
    ];
    let svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"{script}\"><script>{script}</script></svg>"
    );
    vec![
        ("attack.md", markdown.join("\n\n")),
        (
            "attack.html",
            format!("<!doctype html><script>{script}</script>{image}"),
        ),
        ("attack.svg", svg),
        (
            "attack.csv",
            format!("name,{image}\n<script>{script}</script>,=1+1\n"),
        ),
        (
            "attack.json",
            format!("{{\"<script>{script}</script>\": \"{image}\"}}").replace("\"</", "'</"),
        ),
        ("attack.py", format!("# </pre><script>{script}</script>\n")),
        (
            "\"><script>ran=true</script>.txt",
            format!("<script>{script}</script>"),
        ),
        // A picture by its first bytes, a page by the rest.
        (
            "attack.gif",
            format!("GIF89a/*<script>{script}</script>*/=1;"),
        ),
    ]
}

/// The pages of a link to the session, one of its folders, and a file in that with an earlier version.
async fn session_pages(cairn: &Cairn) -> [String; 3] {
    let mut last = String::new();
    let long = "a-name-without-a-space-".repeat(8);
    for name in [
        "out/plots/a.png",
        "out/plots/b.png",
        &format!("out/{long}.csv"),
        "out/notes.md",
        "out/notes.md",
    ] {
        let mut spec = session_spec(name, "run-42");
        spec.agent_id = "writer".into();
        let made = cairn.client.create(spec, name.to_owned()).await.unwrap();
        last = made.artifact_id;
    }
    let url = share(cairn, "run-42", "").await.url;
    [
        format!("page:session={url}"),
        format!("page:folder={url}?folder=out"),
        format!("page:shared-file={url}?artifact={last}"),
    ]
}

#[tokio::test]
async fn pages_work_for_people_and_run_nothing() {
    let cairn = Cairn::start().await;
    let canary = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", canary.local_addr().unwrap());
    let mut pages = vec![];
    let leave = format!(
        "app.launchURL\\('{origin}/u', true\\);this.submitForm\\('{origin}/f'\\);this.getURL\\('{origin}/g'\\);"
    );
    let rows: String = (0..300)
        .map(|i| {
            format!(
                "2026-07-{:02},north,{i},a note about this row\n",
                i % 28 + 1
            )
        })
        .collect();
    for (name, content) in [
        ("report.md", REPORT.as_bytes().to_vec()),
        ("sales.csv", format!("date,region,units,note\n{rows}").into_bytes()),
        ("result.json", br#"{"run": "run-42", "steps": [{"id": 1, "ok": true}, {"id": 2, "error": {"code": "session_sealed"}}]}"#.to_vec()),
        ("main.rs", include_bytes!("pages.rs").to_vec()),
        ("logo.png", include_bytes!("../../../docs/cairn.png").to_vec()),
        ("paper.pdf", pdf(&leave)),
        ("model.bin", vec![0, 255, 1, 254]),
    ] {
        let mut spec = spec(name);
        spec.session_id = "run-42".into();
        spec.agent_id = "writer".into();
        let url = linked(&cairn, spec, content).await;
        pages.push(format!("page:{name}={url}"));
    }
    pages.extend(session_pages(&cairn).await);
    for (name, content) in attacks(&origin) {
        let url = linked(&cairn, spec(name), content.into_bytes()).await;
        let label = name.replace(['"', '<', '>', '/', '='], "_");
        pages.push(format!("{label}={url}"));
        // What a browser makes of the bytes alone, as with "Open the file alone".
        pages.push(format!("raw-{label}={url}?raw"));
    }
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let modules = here.join("../.tools/npm/node_modules");
    let missing = "is missing: scripts/bootstrap test installs it";
    assert!(
        Path::new("/usr/bin/chromium").exists(),
        "chromium {missing}"
    );
    for module in ["playwright-core", "axe-core"] {
        assert!(modules.join(module).is_dir(), "{module} {missing}");
    }
    let (people, attackers): (Vec<_>, Vec<_>) = pages
        .into_iter()
        .partition(|page| page.starts_with("page:"));
    for pages in [people, attackers] {
        let mut command = program::command(Path::new("node"));
        command
            .arg(here.join("api/links/browser.mjs"))
            .args([modules.as_os_str(), origin.as_ref()])
            .arg(env::var_os("CAIRN_SCREENSHOTS").unwrap_or_default())
            .args(&pages);
        let report = program::run_long(&mut command).await.ok().json();
        let problems = report["problems"].as_array().unwrap();
        assert!(problems.is_empty(), "{problems:#?}");
    }
    let left = canary.accept().now_or_never();
    assert!(left.is_none(), "something left a page");
}
