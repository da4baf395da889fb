#!/usr/bin/env python3
"""Checks rendered objects against Kubernetes' schemas, and against the promises of the chart.

    objects.py FOLDER

The folder has one file of objects for each rendering, NAME@VERSION.yaml, of release "cairn" in namespace "store".
"""

import functools
import json
import re
import sys
from pathlib import Path

import jsonschema
import yaml
from kubernetes_validate import utils as kubernetes

HERE = Path(__file__).parent
CRDS = {
    schema["properties"]["kind"]["const"]: schema
    for schema in map(json.loads, (p.read_text() for p in (HERE / "crds").glob("*.json")))
}
# Objects of values files; their content does not belong to the chart.
FOREIGN = {"ExternalSecret"}
# Secrets that the user creates, by the values files.
EXTERNAL_SECRETS = ("cairn-database", "cairn-s3", "cairn-test-key", "cairn-ca", "cairn-owner", "cairn-more", "cairn-tls", "cairn-clients", "cairn-s3-worker", "cairn-delegation", "pull")
# The kinds that may be hooks. Argo CD deletes and recreates a hook with each sync, so lasting objects must not be hooks.
HOOKS = {"Job", "Pod", "ServiceAccount", "NetworkPolicy", "ConfigMap"}
# The paths of selectors that must match one of our Pods, by kind.
POD_SELECTORS = {
    "Service": ["selector"],
    "PodDisruptionBudget": ["selector", "matchLabels"],
    "NetworkPolicy": ["podSelector", "matchLabels"],
}

# The schemas are large, and the same ones are used repeatedly.
kubernetes.schema_contents = functools.cache(kubernetes.schema_contents)


def dig(value, *path, default=None):
    for step in path:
        if not isinstance(value, dict) or value.get(step) is None:
            return default
        value = value[step]
    return value


def bytes_of(quantity):
    number, unit = re.fullmatch(r"([0-9.]+)([A-Za-z]*)", str(quantity)).groups()
    return float(number) * {"": 1, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "k": 1e3, "M": 1e6, "G": 1e9}[unit]


def pod_of(thing):
    """The metadata and the spec of the Pods that an object creates."""
    if thing["kind"] == "Pod":
        return thing["metadata"], thing["spec"]
    template = dig(thing, "spec", "template")
    return (template.get("metadata", {}), template["spec"]) if template and "spec" in template else (None, None)


def hook_of(thing):
    annotations = dig(thing, "metadata", "annotations", default={})
    return annotations.get("helm.sh/hook"), int(annotations.get("helm.sh/hook-weight", "0"))


def schema_faults(thing, version):
    kind = thing["kind"]
    try:
        if kind in CRDS:
            jsonschema.Draft202012Validator(CRDS[kind]).validate(thing)
        elif kind not in FOREIGN:
            kubernetes.validate(thing, version, strict=True)
    except jsonschema.ValidationError as e:
        yield f"{'.'.join(map(str, e.absolute_path))}: {e.message}"
    except kubernetes.SchemaNotFoundError as e:
        yield e.message


def object_faults(thing):
    """Checks one object alone."""
    metadata = thing["metadata"]
    if len(metadata["name"]) > 63:
        yield "its name is longer than 63 characters"
    if hook_of(thing)[0] and thing["kind"] not in HOOKS:
        yield "it is a hook, so it would be deleted with each sync of Argo CD, and by helm never be updated"
    if thing["kind"] in FOREIGN or metadata["name"].startswith(("cairn-mine", "cairn-store-as-text")):
        return
    if metadata.get("namespace") != "store":
        yield "it is not in the namespace of the release"
    for label in ("name", "instance", "component", "part-of", "version", "managed-by"):
        if f"app.kubernetes.io/{label}" not in metadata.get("labels", {}):
            yield f"it has no label app.kubernetes.io/{label}"
    _, spec = pod_of(thing)
    if spec:
        yield from pod_faults(spec)
        yield from migration_faults(thing)
    if thing["kind"] == "Deployment":
        yield from deployment_faults(thing)


def migration_faults(thing):
    """Checks that the migration connects only to Postgres."""
    _, spec = pod_of(thing)
    for container in spec.get("initContainers", []) + spec["containers"]:
        if container["name"] != "migrate":
            continue
        if any(v["name"].startswith("CAIRN_S3_") and "valueFrom" in v for v in container["env"]):
            yield "the migration gets the credentials of S3"


def pod_faults(spec):
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(field):
            yield f"{field} is on"
    for volume in spec.get("volumes", []):
        if "hostPath" in volume:
            yield f"volume {volume['name']} is of the host"
    if dig(spec, "securityContext", "runAsNonRoot") is not True:
        yield "it may run as root"
    if dig(spec, "securityContext", "seccompProfile", "type") != "RuntimeDefault":
        yield "it has no seccomp profile"
    if spec.get("automountServiceAccountToken") is not False:
        yield "it mounts a token of Kubernetes"
    if spec.get("enableServiceLinks") is not False:
        yield "it has variables of Services, which may be taken for ours"
    for container in spec.get("initContainers", []) + spec["containers"]:
        for fault in container_faults(container):
            yield f"container {container['name']}: {fault}"


def container_faults(container):
    image = container["image"]
    if not re.search(r"(:[A-Za-z0-9._-]+|@sha256:[0-9a-f]{64})$", image) or image.endswith(":latest"):
        yield f"its image is of no version: {image}"
    context = container.get("securityContext", {})
    if context.get("privileged") or context.get("allowPrivilegeEscalation") is not False:
        yield "it may get privileges"
    if context.get("readOnlyRootFilesystem") is not True:
        yield "its root file system can be written"
    if dig(context, "capabilities", "drop") != ["ALL"] or dig(context, "capabilities", "add"):
        yield "it has capabilities"
    requests, limits = dig(container, "resources", "requests", default={}), dig(
        container, "resources", "limits", default={}
    )
    if "cpu" not in requests or "memory" not in requests:
        yield "it requests no processor or no memory"
    if "memory" not in limits:
        yield "its memory has no limit"
    elif bytes_of(limits["memory"]) < bytes_of(requests.get("memory", 0)):
        yield "its memory is limited to less than it requests"
    for variable in container.get("env", []):
        name, value = variable["name"], variable.get("value", "")
        # CAIRN_TOKEN_… configures which tokens are accepted, and is not secret; …_FILE is a path.
        secret = re.search("PASSWORD|SECRET|(?<!^CAIRN_)TOKEN|API_KEY", name) and not name.endswith("_FILE")
        if secret and value:
            yield f"{name} stands there in the clear"
        if name == "CAIRN_DATABASE_URL" and "password" in value:
            yield f"{name} may hold a password"


def deployment_faults(thing):
    metadata, spec = pod_of(thing)
    if "checksum/config" not in metadata.get("annotations", {}):
        yield "its Pods do not notice that the settings have changed"
    container = spec["containers"][0]
    if dig(container, "livenessProbe", "httpGet", "path") != "/livez":
        yield "its liveness is not that of the process alone"
    if "readinessProbe" not in container or "startupProbe" not in container:
        yield "it lacks a probe"
    drain = next((v["value"] for v in container["env"] if v["name"] == "CAIRN_DRAIN_TIMEOUT"), "0s")
    pause = dig(container, "lifecycle", "preStop", "sleep", "seconds", default=0)
    if spec["terminationGracePeriodSeconds"] < int(drain.removesuffix("s")) + pause + 5:
        yield "it is killed before its drain can end"
    if metadata["labels"]["app.kubernetes.io/component"] == "api":
        ports = {v["name"]: v["value"] for v in container["env"] if v["name"].endswith("_ADDR")}
        if any(value.startswith(("127.", "localhost")) for value in ports.values()) or not {"CAIRN_GRPC_ADDR", "CAIRN_HTTP_ADDR", "CAIRN_OPS_ADDR"} <= set(ports):
            yield f"it does not listen to the outside: {ports}"


def release_faults(things, external):
    """Checks all objects together."""
    by = {(t["kind"], t["metadata"]["name"]): t for t in things}
    if len(by) != len(things):
        yield "two objects have one name"
    # Objects that exist already, by the values.
    known = lambda kind, name: (kind, name) in by or (kind, name) in external
    pods = [(t, pod_of(t)[0]["labels"], pod_of(t)[1]) for t in things if pod_of(t)[0] is not None]

    def finds(selector):
        return [t for t, labels, _ in pods if selector.items() <= labels.items()]

    for thing in things:
        name = f"{thing['kind']} {thing['metadata']['name']}"
        path = POD_SELECTORS.get(thing["kind"])
        if path and not finds(dig(thing, "spec", *path, default={"none": "none"})):
            yield f"{name} finds no Pod"
        if thing["kind"] == "Service":
            for port in thing["spec"]["ports"]:
                offered = [
                    p["name"]
                    for t in finds(thing["spec"]["selector"])
                    for c in pod_of(t)[1]["containers"]
                    for p in c.get("ports", [])
                ]
                if port["targetPort"] not in offered:
                    yield f"{name} leads to port {port['targetPort']}, which no Pod has"
        if thing["kind"] == "Ingress":
            for rule in thing["spec"]["rules"]:
                for entry in rule["http"]["paths"]:
                    service = entry["backend"]["service"]
                    if service["port"]["name"] not in [
                        p["name"] for p in dig(by, ("Service", service["name"]), "spec", "ports", default=[])
                    ]:
                        yield f"{name} leads nowhere"
        if thing["kind"] in ("GRPCRoute", "HTTPRoute"):
            for rule in thing["spec"]["rules"]:
                for back in rule["backendRefs"]:
                    if back["port"] not in [
                        p["port"] for p in dig(by, ("Service", back["name"]), "spec", "ports", default=[])
                    ]:
                        yield f"{name} leads nowhere"
        if thing["kind"] in ("HorizontalPodAutoscaler", "ScaledObject"):
            target = by.get(("Deployment", thing["spec"]["scaleTargetRef"]["name"]))
            if not target or "replicas" in target["spec"]:
                yield f"{name} scales nothing, or what has a number of its own"
        if thing["kind"] == "ServiceMonitor":
            wanted = thing["spec"]["selector"]["matchLabels"].items()
            found = [t for t in things if t["kind"] == "Service" and wanted <= t["metadata"]["labels"].items()]
            if sorted(p["port"] for t in found for p in t["spec"]["ports"]) != [7072, 7073]:
                yield f"{name} does not find the metrics of both programs"
        if (
            thing["kind"] == "PodMonitor"
            and len([t for t in finds(thing["spec"]["selector"]["matchLabels"]) if t["kind"] == "Deployment"]) != 2
        ):
            yield f"{name} does not find both programs"

    for thing, labels, spec in pods:
        yield from reference_faults(thing, spec, by, known)

    policies = [t for t in things if t["kind"] == "NetworkPolicy"]
    if policies:
        for thing, labels, _ in pods:
            fitting = [
                p["metadata"]["name"]
                for p in policies
                if dig(p, "spec", "podSelector", "matchLabels").items() <= labels.items()
            ]
            if not any(n.endswith("default-deny") for n in fitting) or len(fitting) < 2:
                yield f"{thing['kind']} {thing['metadata']['name']} is not behind a policy of its own, but {fitting}"


def reference_faults(thing, spec, by, known):
    """Checks that what a Pod refers to exists in time: a hook sees only earlier hooks."""
    name = f"{thing['kind']} {thing['metadata']['name']}"
    wanted = (
        [("ServiceAccount", spec.get("serviceAccountName"))]
        if spec.get("serviceAccountName", "default") not in ("default", "mine")
        else []
    )
    for container in spec.get("initContainers", []) + spec["containers"]:
        wanted += [
            (kind, e[field]["name"])
            for e in container.get("envFrom", [])
            for kind, field in (("ConfigMap", "configMapRef"), ("Secret", "secretRef"))
            if field in e
        ]
        wanted += [
            ("Secret", v["valueFrom"]["secretKeyRef"]["name"])
            for v in container.get("env", [])
            if dig(v, "valueFrom", "secretKeyRef")
        ]
    wanted += [("ConfigMap", v["configMap"]["name"]) for v in spec.get("volumes", []) if "configMap" in v]
    sources = [s for v in spec.get("volumes", []) for s in dig(v, "projected", "sources", default=[])]
    wanted += [("Secret", s["secret"]["name"]) for s in sources if "secret" in s]
    # Kubernetes creates this one in each namespace.
    wanted += [
        ("ConfigMap", s["configMap"]["name"])
        for s in sources
        if dig(s, "configMap", "name", default="kube-root-ca.crt") != "kube-root-ca.crt"
    ]
    wanted += [("Secret", s["name"]) for s in spec.get("imagePullSecrets", [])]
    hook, weight = hook_of(thing)
    for reference in wanted:
        if not known(*reference):
            yield f"{name} refers to {' '.join(reference)}, which is not there"
        elif reference in by and hook and hook.startswith("pre-"):
            other, earlier = hook_of(by[reference])
            if other != hook or earlier >= weight:
                yield f"{name} is a hook before {' '.join(reference)} is there"


def main(folder):
    faults, checked = [], 0
    seen = set()
    # The user creates these, by the values files.
    external = {("Secret", n) for n in EXTERNAL_SECRETS} | {
        ("ConfigMap", n) for n in ("roots", "cairn-database-roots")
    }
    for path in sorted(Path(folder).glob("*.yaml")):
        profile, version = path.stem.split("@")
        things = [t for t in yaml.safe_load_all(path.read_text()) if t]
        if not things:
            faults.append(f"{path.stem}: nothing was rendered")
        for thing in things:
            text = version + json.dumps(thing, sort_keys=True)
            checked += 1
            if text not in seen:
                seen.add(text)
                where = f"{profile}, Kubernetes {version}: {thing['kind']} {thing['metadata']['name']}"
                faults += [f"{where}: {f}" for f in (*schema_faults(thing, version), *object_faults(thing))]
            if thing["kind"] == "Secret" and profile != "values-dev":
                faults.append(f"{profile}: Secret {thing['metadata']['name']}: secrets come from elsewhere")
        faults += [f"{profile}, Kubernetes {version}: {f}" for f in release_faults(things, external)]
    for fault in faults:
        print(f"check-chart: {fault}", file=sys.stderr)
    if faults:
        sys.exit(1)
    print(f"check-chart: {checked} objects are valid and keep the promises ({len(seen)} of them different)")


if __name__ == "__main__":
    main(sys.argv[1])
