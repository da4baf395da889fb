#!/usr/bin/env python3
"""Asks an API server whether it would accept these objects, and the Pods that they would create.

dry_run.py SERVER TOKEN FILE
"""

import json
import ssl
import sys
import urllib.error
import urllib.request

import yaml

server, token, file = sys.argv[1:]
context = ssl._create_unverified_context()
# Objects of values files, whose kinds the server does not know.
FOREIGN = {"ExternalSecret"}


def post(thing):
    group = "api/v1" if thing["apiVersion"] == "v1" else f"apis/{thing['apiVersion']}"
    kind = thing["kind"].lower()
    plural = kind[:-1] + "ies" if kind.endswith("policy") else kind + "es" if kind.endswith("s") else kind + "s"
    url = f"{server}/{group}/namespaces/store/{plural}?dryRun=All&fieldValidation=Strict"
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(thing).encode(), headers)
    with urllib.request.urlopen(request, context=context, timeout=30) as answer:
        # PodSecurity only warns about objects that create Pods.
        return answer.headers.get_all("Warning", [])


def pod_of(thing):
    template = thing["spec"]["template"]
    # A dry run creates no ServiceAccounts.
    spec = {**template["spec"], "serviceAccountName": "default"}
    # The controller adds the volumes of a StatefulSet's claims.
    claims = [c["metadata"]["name"] for c in thing["spec"].get("volumeClaimTemplates", [])]
    spec["volumes"] = spec.get("volumes", []) + [{"name": c, "emptyDir": {}} for c in claims]
    if thing["kind"] != "Job":
        spec["restartPolicy"] = "Always"
    # And admission adds these for priority classes, which do not exist here.
    spec.pop("priorityClassName", None)
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {**template["metadata"], "name": "pod", "namespace": "store"},
        "spec": spec,
    }


faults = 0
for thing in filter(None, yaml.safe_load_all(open(file))):
    if thing["kind"] in FOREIGN:
        continue
    asked = [thing] + ([pod_of(thing)] if "template" in thing.get("spec", {}) else [])
    if thing["kind"] == "Pod":
        thing["spec"].pop("priorityClassName", None)
    for one in asked:
        try:
            warnings = post(one)
        except urllib.error.HTTPError as e:
            warnings = [json.load(e)["message"]]
        for warning in warnings:
            faults += 1
            print(f"{thing['kind']} {thing['metadata'].get('name', '')}, as {one['kind']}: {warning}", file=sys.stderr)
sys.exit(bool(faults))
