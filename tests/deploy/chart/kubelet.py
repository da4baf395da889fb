#!/usr/bin/env python3
"""Replaces kubelets: reports for every Pod the status of a Pod that works.

    kubelet.py SERVER TOKEN FAILING

Pods that are to end have succeeded, the others are ready. While the file FAILING exists, those that are to end fail.
"""

import json
import ssl
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

server, token, failing = sys.argv[1:]
# The server's certificate is self-signed, for this run.
context = ssl._create_unverified_context()


def call(method, path, body=None):
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/strategic-merge-patch+json"}
    request = urllib.request.Request(server + path, json.dumps(body).encode() if body else None, headers, method=method)
    with urllib.request.urlopen(request, context=context, timeout=10) as answer:
        return json.load(answer)


def status_of(pod):
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    if pod["spec"]["restartPolicy"] != "Never":
        ready = [
            {"type": kind, "status": "True", "lastTransitionTime": now}
            for kind in ("Ready", "ContainersReady", "PodScheduled")
        ]
        return {"phase": "Running", "startTime": now, "conditions": ready}
    code = int(Path(failing).exists())
    ended = {"exitCode": code, "startedAt": now, "finishedAt": now}
    containers = [
        {
            "name": c["name"],
            "image": c["image"],
            "imageID": "",
            "ready": False,
            "restartCount": 0,
            "state": {"terminated": ended},
        }
        for c in pod["spec"]["containers"]
    ]
    return {"phase": ("Succeeded", "Failed")[code], "startTime": now, "containerStatuses": containers}


while True:
    for pod in call("GET", "/api/v1/pods")["items"]:
        if pod["status"].get("phase") == "Pending" and "deletionTimestamp" not in pod["metadata"]:
            path = f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}/status"
            try:
                call("PATCH", path, {"status": status_of(pod)})
            except urllib.error.HTTPError as e:
                if e.code != 404:
                    print(e.code, e.read().decode(), file=sys.stderr)
    time.sleep(0.3)
