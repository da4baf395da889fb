#!/usr/bin/env python3
"""Compares the chart with the rest of the project: metrics, runbooks, settings, version.

facts.py FOLDER     of rendered objects, as for objects.py
"""

import json
import re
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[3]
CHART = ROOT / "deploy/helm/cairn"
METRICS = yaml.safe_load((Path(__file__).parent / "metrics.yaml").read_text())
# Labels that Prometheus adds to everything that it scrapes in a cluster.
LABELS_OF_SCRAPES = {"namespace", "pod", "alertname", "alertstate"}
# Settings that make no sense in a cluster: a folder on one machine, and the worker's name, which is the Pod's.
NOT_FOR_CLUSTERS = {"CAIRN_BLOB_DIR", "CAIRN_GC_WORKER"}

faults = []


def series():
    """Every name that a query may use, with its labels."""
    for name, metric in METRICS.items():
        labels = set(metric.get("labels", [])) | LABELS_OF_SCRAPES
        if metric["kind"] == "histogram":
            yield f"{name}_bucket", labels | {"le"}
            yield f"{name}_count", labels
            yield f"{name}_sum", labels
        else:
            yield name, labels


def check_query(where, query, known):
    text = re.sub(r'"(?:[^"\\]|\\.)*"', '""', query)
    for name, selector in re.findall(r"\b(cairn[_:][a-z0-9_:]+)(\{[^}]*\})?", text):
        if name not in known:
            faults.append(f"{where}: there is no {name}")
            continue
        for label in re.findall(r"([a-z_]+)\s*(?:=~|!~|!=|=)", selector):
            if label not in known[name]:
                faults.append(f"{where}: {name} has no label {label}")
    every = set().union(*known.values())
    for labels in re.findall(r"\b(?:by|on|without|ignoring)\s*\(([^)]*)\)", text):
        for label in filter(None, (l.strip() for l in labels.split(","))):
            if label not in every:
                faults.append(f"{where}: nothing has a label {label}")


def check_alerts():
    known = dict(series())
    runbook = (ROOT / "docs/runbooks.md").read_text()
    anchors = {re.sub(r"[^a-z0-9 -]", "", h.lower()).replace(" ", "-") for h in re.findall(r"^#+ (.*)$", runbook, re.M)}
    tests = "".join(p.read_text() for p in (CHART / "alerts/tests").glob("*.yaml"))
    rules = [
        r
        for p in sorted((CHART / "alerts").glob("*.yaml"))
        for g in yaml.safe_load(p.read_text())["groups"]
        for r in g["rules"]
    ]
    for rule in rules:
        if "record" in rule:
            known[rule["record"]] = LABELS_OF_SCRAPES | {"pass"}
    for rule in rules:
        name = rule.get("alert") or rule["record"]
        check_query(name, rule["expr"], known)
        if "alert" not in rule:
            continue
        if rule["labels"].get("severity") not in ("critical", "warning", "info"):
            faults.append(f"{name}: its severity is none that Alertmanagers route by: critical, warning or info")
        if not {"summary", "description"} <= rule["annotations"].keys():
            faults.append(f"{name}: it has no summary or no description")
        path, _, anchor = rule["annotations"].get("runbook_url", "").partition("#")
        if path != "docs/runbooks.md" or anchor != f"alert-{name.lower()}" or anchor not in anchors:
            faults.append(
                f"{name}: docs/runbooks.md has no section #alert-{name.lower()}, or it does not point there"
            )
        if not re.search(rf'alertname(: |="|=~"[^"]*){name}', tests):
            faults.append(f"{name}: no test sees it fire")
    for anchor in anchors:
        if anchor.startswith("alert-") and anchor not in {f"alert-{r['alert'].lower()}" for r in rules if "alert" in r}:
            faults.append(f"docs/runbooks.md describes #{anchor}, and there is no such alert")
    return len([r for r in rules if "alert" in r])


def check_dashboard():
    known = dict(series())
    count = 0
    for path in (CHART / "dashboards").glob("*.json"):
        panels = json.loads(path.read_text())["panels"]
        ids = [p["id"] for p in panels]
        if len(ids) != len(set(ids)):
            faults.append(f"{path.name}: two panels have one id")
        for panel in panels:
            if panel["type"] != "row" and not panel.get("targets"):
                faults.append(f"{path.name}: {panel['title']} shows nothing")
            for target in panel.get("targets", []):
                check_query(f"{path.name}, {panel['title']}", target["expr"], known)
                count += 1
    if not count:
        faults.append("the dashboard asks nothing")


def check_settings(folder):
    """Checks that the chart can set every setting of the servers, and that every setting of the chart is documented."""
    configure = (ROOT / "docs/configure.md").read_text()
    tables = configure[configure.index("## Settings") : configure.index("### `cairn`, the command")]
    documented = {
        v for row in re.findall(r"^\| (`CAIRN_[^|]*)\|", tables, re.M) for v in re.findall(r"CAIRN_[A-Z0-9_]+", row)
    }
    taken = set(json.loads((CHART / "values.schema.json").read_text())["properties"]["settings"]["properties"])
    for setting in sorted(taken - documented):
        faults.append(f"{setting}: the chart takes it, and docs/configure.md does not know it")
    written = "".join(p.read_text() for p in Path(folder).glob("*.yaml"))
    for setting in sorted(documented - taken - NOT_FOR_CLUSTERS):
        if not re.search(rf"\b{setting}\b", written):
            faults.append(f"{setting}: docs/configure.md knows it, and the chart cannot set it")
    if len(documented) < 20:
        faults.append("the tables of settings in docs/configure.md were not found")


def check_version():
    cargo = re.search(r'^version = "(.*)"', (ROOT / "Cargo.toml").read_text(), re.M).group(1)
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"]
    if cargo != chart:
        faults.append(f"appVersion is {chart}, and the programs are {cargo}")


alerts = check_alerts()
check_dashboard()
check_settings(sys.argv[1])
check_version()
for fault in faults:
    print(f"check-chart: {fault}", file=sys.stderr)
if faults:
    sys.exit(1)
print(f"check-chart: {alerts} alerts and the dashboard name what is measured, and the runbook has them all")
print("check-chart: the settings are those of the programs")
