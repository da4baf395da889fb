# shellcheck shell=bash
# Shared by test-chart-apiserver and test-chart-kubelet, which source it: a Kubernetes API server with etcd and the controllers,
# and requests to it. All files are in $folder, which `tidy` removes.

# shellcheck disable=SC2034 # used by the scripts that source it
chart=deploy/helm/cairn tests=tests/deploy/chart
python=.tools/venv/bin/python
folder=${CAIRN_CHART_FOLDER:-$(mktemp -d)}
export HELM_CACHE_HOME=$folder/helm HELM_CONFIG_HOME=$folder/helm HELM_DATA_HOME=$folder/helm KUBECONFIG=$folder/kubeconfig
token=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
started=()

say() { printf 'test-chart: %s\n' "$*"; }
fail() { say "$@" >&2; exit 1; }

# shellcheck disable=SC2317,SC2329 # called by the trap
tidy() {
    local code=$?
    # Kills the API server, which would wait for an etcd that has ended.
    kill -KILL "${started[@]}" 2>/dev/null || true
    wait "${started[@]}" 2>/dev/null || true
    ((code == 0)) || tail -n 15 "$folder"/*.log >&2
    rm -rf "$folder"
}

start() { # NAME COMMAND...
    "${@:2}" >"$folder/$1.log" 2>&1 </dev/null &
    started+=($!)
}

free_ports() {
    "$python" -c '
import socket
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
print(*(s.getsockname()[1] for s in sockets))'
}

api() { # METHOD PATH [CURL ARGUMENTS]
    curl --silent --show-error --insecure --header "Authorization: Bearer $token" --request "$1" "$server$2" "${@:3}"
}
# One field of an object: field PATH PYTHON, in which the object is o.
field() { api GET "$1" | "$python" -c "import json, sys; o = json.load(sys.stdin); print($2)"; }

until_true() { # SECONDS WHAT COMMAND...
    local end=$((SECONDS + $1))
    until "${@:3}" &>/dev/null; do
        ((SECONDS < end)) || fail "$2: not within $1 seconds"
        sleep 0.5
    done
}

# Starts the control plane, with the API server on ADDRESS: start_cluster ADDRESS. Sets $server, $token for access to it, and
# its $version.
start_cluster() {
    local address=$1 etcd_port peer_port port
    read -r etcd_port peer_port port < <(free_ports)
    server=https://$address:$port
    openssl genrsa -out "$folder/accounts.key" 2048 2>/dev/null
    echo "$token,admin,admin,system:masters" >"$folder/tokens"
    cat >"$KUBECONFIG" <<END
apiVersion: v1
kind: Config
clusters: [{name: here, cluster: {server: $server, insecure-skip-tls-verify: true}}]
users: [{name: admin, user: {token: $token}}]
contexts: [{name: here, context: {cluster: here, user: admin, namespace: store}}]
current-context: here
END

    start etcd .tools/deb/etcd --data-dir "$folder/etcd" --unsafe-no-fsync \
        --listen-client-urls "http://127.0.0.1:$etcd_port" --advertise-client-urls "http://127.0.0.1:$etcd_port" \
        --listen-peer-urls "http://127.0.0.1:$peer_port" --initial-advertise-peer-urls "http://127.0.0.1:$peer_port" \
        --initial-cluster "default=http://127.0.0.1:$peer_port"
    start apiserver .tools/kube/kube-apiserver --etcd-servers "http://127.0.0.1:$etcd_port" \
        --bind-address "$address" --secure-port "$port" --cert-dir "$folder/certificates" \
        --token-auth-file "$folder/tokens" --authorization-mode RBAC --service-cluster-ip-range 10.96.0.0/16 \
        --service-account-issuer https://kubernetes.default.svc --service-account-key-file "$folder/accounts.key" \
        --service-account-signing-key-file "$folder/accounts.key"
    until_true 90 "the API server is ready" api GET /readyz --fail
    # Its certificate is self-signed, and Pods get it as their CA.
    start controllers .tools/kube/kube-controller-manager --kubeconfig "$KUBECONFIG" --leader-elect=false \
        --secure-port=0 --service-account-private-key-file "$folder/accounts.key" \
        --use-service-account-credentials=false --root-ca-file "$folder/certificates/apiserver.crt"
    version=$(field /version 'o["gitVersion"]')
    say "Kubernetes $version answers"
}

# The namespace for everything, which enforces the restricted Pod Security Standard.
make_namespace() {
    api POST /api/v1/namespaces --fail --json '{"metadata": {"name": "store", "labels": {
        "pod-security.kubernetes.io/enforce": "restricted", "pod-security.kubernetes.io/enforce-version": "latest"}}}' >/dev/null
    until_true 30 "the namespace has its ServiceAccount" api GET /api/v1/namespaces/store/serviceaccounts/default --fail
}

helm() { .tools/go/helm --namespace store "$@"; }
revision() { helm history cairn --output json | "$python" -c 'import json, sys; h = json.load(sys.stdin)[-1]; print(h["revision"], h["status"])'; }
expect() { [[ $2 == "$3" ]] || fail "$1: it is \"$2\", not \"$3\""; }
