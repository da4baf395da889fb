#!/usr/bin/env python3
"""Checks the sidecar's example, and its component added to plain agents, against Kubernetes' schemas, the
rules for the chart's own Pods, and what the sidecar needs to work.

    workloads.py VERSIONS FILE...
"""

import json
import re
import sys
from pathlib import Path

import yaml

sys.path.append(str(Path(__file__).parents[1] / "chart"))
from objects import dig, pod_faults, pod_of, schema_faults


def mounts(container):
    return {m["name"]: m for m in container.get("volumeMounts", [])}


def sidecar_faults(kind, spec):
    sidecars = [c for c in spec.get("initContainers", []) if c["name"] == "cairn"]
    if len(sidecars) != 1 or sidecars[0].get("restartPolicy") != "Always":
        yield "it does not have exactly one sidecar, which ends after the other containers"
        return
    sidecar, agents = sidecars[0], spec["containers"]
    folder = dig(mounts(sidecar), "outputs", "mountPath")
    for agent in agents:
        if not folder or dig(mounts(agent), "outputs", "mountPath") != folder:
            yield f"container {agent['name']} does not write where the sidecar looks"
        if "cairn-token" in mounts(agent):
            yield f"container {agent['name']} has the sidecar's token"
    volumes = {v["name"]: v for v in spec.get("volumes", [])}
    if not dig(volumes, "outputs", "emptyDir", "sizeLimit"):
        yield "its outputs may fill the node's disk"
    token = dig(volumes, "cairn-token", "projected", "sources", default=[{}])[0].get("serviceAccountToken", {})
    variables = {v["name"]: v for v in sidecar["env"]}
    if token.get("audience") != "cairn" or dig(variables, "CAIRN_API_KEY_FILE", "value") != (
        f"{dig(mounts(sidecar), 'cairn-token', 'mountPath')}/{token.get('path')}"
    ):
        yield "the sidecar does not find a token for Cairn"
    session = dig(variables, "CAIRN_SESSION_ID", "valueFrom", "fieldRef", "fieldPath")
    if session != ("metadata.labels['batch.kubernetes.io/job-name']" if kind == "Job" else "metadata.name"):
        yield f"its session is {session}"
    grace = int(re.search(r"--grace=(\d+)s", " ".join(sidecar["command"])).group(1))
    if spec.get("terminationGracePeriodSeconds", 30) < grace + 5:
        yield "it is killed before the sidecar's grace is over"


def main(versions, files):
    faults, pods, sidecars = [], [], set()
    for path in files:
        for thing in yaml.safe_load_all(Path(path).read_text()):
            where = f"{Path(path).name}, {thing['kind']}"
            for version in versions.split():
                faults += [f"{where}, Kubernetes {version}: {f}" for f in schema_faults(thing, version)]
            _, spec = pod_of(thing)
            if spec:
                pods.append(where)
                sidecar = [c for c in spec.get("initContainers", []) if c["name"] == "cairn"]
                sidecars.add(json.dumps([(c["command"], c["resources"]) for c in sidecar], sort_keys=True))
                faults += [f"{where}: {f}" for f in (*pod_faults(spec), *sidecar_faults(thing["kind"], spec))]
    if len(sidecars) != 1:
        faults.append("it is not the same in the example and in the component")
    for fault in faults:
        print(f"check-chart: the sidecar: {fault}", file=sys.stderr)
    if faults or len(pods) < 3:
        sys.exit(1)
    print(f"check-chart: the sidecar is valid and in its place in {len(pods)} workloads")


main(sys.argv[1], sys.argv[2:])
