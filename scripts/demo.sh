#!/usr/bin/env bash
# Cairn's main job, shown by doing it: push, find, pull, share, seal, collect. `make demo` builds and runs this.
#
#   CAIRN_BIN=/path/to/cairn scripts/demo.sh
#
# It uses a store of its own, on free ports and in a temporary folder, and removes both at the end, however it ends. It
# checks all that it tells and fails as soon as something is not so.
set -euo pipefail
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
binary=$(realpath -- "${CAIRN_BIN:?is not set: run make demo, or name the cairn binary}")
[[ -x $binary ]] || { echo "demo: $binary is no program: run make demo" >&2 && exit 1; }

# Whatever store the caller is set up for, this is not it; nor is a proxy between the demo and itself.
unset "${!CAIRN_@}"
export no_proxy='*' NO_PROXY='*'

bold='' plain=''
if [[ -t 1 && -z ${NO_COLOR:-} && ${TERM:-dumb} != dumb ]]; then
    bold=$'\e[1m' plain=$'\e[0m'
fi

say() { printf '\n%s%s%s\n' "$bold" "$1" "$plain"; (($# == 1)) || printf '%s\n' "${@:2}"; }
fail() {
    printf '\ndemo: %s\n' "$1" >&2
    exit 1
}
expect() { "${@:2}" || fail "this should hold and does not: $1"; }
typed() { printf '$ %s\n' "$*"; }

# Runs a command as it is typed and shows its output. cairn speaks in words on a terminal and in JSON elsewhere; of the
# JSON, only the fields that the story is about are shown.
run() {
    typed "$@"
    if [[ -t 1 ]]; then "$@"; else "$@" 2>&1 | trim; fi
}
trim() {
    local beside='content_type|content_hash|namespace|user_id|session_id|created_at|expires_at|revoked_at|has_more'
    beside+='|title|kind|language|change_summary|stage|etag|updated_at|legal_hold|state|manifest_hash|existing'
    beside+='|persistent|unchanged|next_cursor|max_ttl|never_expires_allowed|max_create_bytes|max_upload_bytes|api_key_last_4'
    sed -E 's/"('"$beside"')":("[^"]*"|null|true|false|[0-9]+),?//g
        s/"deduplicated":false,?//g; s/"metadata":\{\},?//g; s/"(labels|inputs)":\[\],?//g; s/,(\]?\})/\1/g
        s/(\[|\},)\{"artifact_id"/\1\n  {"artifact_id"/g; s/\}\],?\}$/}\n]}/'
}
short_ids() { sed -E 's/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{8}([0-9a-f]{4})/…\2/g'; }

# Runs a command that the store must refuse with exit code 1 and these words.
run_refused() {
    local status=0 output
    typed "${@:2}"
    output=$("${@:2}" 2>&1) || status=$?
    printf '%s\n' "$output"
    typed 'echo $?'
    printf '%s\n' "$status"
    expect "it is refused with exit code 1" test "$status" -eq 1
    expect "the refusal says \"$1\"" grep -qF -- "$1" <<<"$output"
}

# Asks again until a command succeeds, for a number of seconds: until_true 20 WHAT COMMAND...
until_true() {
    local deadline=$((SECONDS + $1))
    until "${@:3}"; do
        kill -0 "$store" 2>/dev/null || fail "cairn dev has ended by itself"
        ((SECONDS < deadline)) || fail "not within $1 seconds: $2"
        sleep 0.1
    done
}

# Of JSON: the last value of a string field, and how many artifacts it lists.
field() { sed -nE 's/.*"'"$1"'":"([^"]*)".*/\1/p'; }
artifacts() { cairn ls "$@" --json | { grep -o '"artifact_id"' || true; } | wc -l; }
id_of() { cairn ls "$@" --limit 1 --json | field artifact_id; }

# The files in which the store keeps bytes.
files() {
    local all=("$work"/cairn-data/blobs/v1/*/*/*)
    [[ -e ${all[0]} ]] || all=()
    echo "${#all[@]}"
}
files_are() { (($(files) == $1)); }
list_files() {
    typed 'du -b cairn-data/blobs/v1/*/*/*'
    du -b cairn-data/blobs/v1/*/*/* | short_ids | expand -t 12
}

work='' store=''
stop() {
    local status=0 deadline=$((SECONDS + 60))
    kill -TERM "$store" 2>/dev/null || true
    while kill -0 "$store" 2>/dev/null; do
        ((SECONDS < deadline)) || kill -KILL "$store" || true
        sleep 0.05
    done
    wait "$store" || status=$?
    store=''
    return "$status"
}
clean_up() {
    local status=$? postgres
    trap - EXIT
    trap '' INT TERM HUP
    if ((status != 0)) && [[ -s $work/log ]]; then
        printf '\ndemo: the end of what cairn dev said:\n' >&2
        tail -n 20 "$work/log" >&2
    fi
    [[ -z $store ]] || stop || true
    if [[ -n $work ]]; then
        # As root, Postgres runs as somebody else, and its folder is elsewhere when that user may not enter this one.
        postgres=$(readlink -f -- "$work/cairn-data/postgres" || true)
        cd /
        rm -rf -- "$work" ${postgres:+"$postgres"}
        [[ -z $postgres ]] || rmdir -- "${postgres%/*}" 2>/dev/null || true
    fi
    exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

work=$(mktemp -d "${TMPDIR:-/tmp}/cairn-demo.XXXXXX")
chmod 711 "$work" # so that as root, Postgres may run as another user
mkdir "$work/bin" "$work/docs"
ln -s "$binary" "$work/bin/cairn"
cp "$repository/README.md" "$work/"
cp "$repository/docs/cairn.png" "$work/docs/"
head -c 100000000 /dev/urandom >"$work/model.bin"
PATH=$work/bin:$PATH
cd "$work"

say "A store" \
    "One process is the API, the collector and a private Postgres, here on free" \
    "ports, with all data in one folder. The collector waits for seconds where it" \
    "would wait for days, so that it is seen at work."
times=(CAIRN_GC_INTERVAL=1s CAIRN_DELETE_WINDOW=1s CAIRN_GC_GRACE=1s)
anywhere=(--grpc 127.0.0.1:0 --http 127.0.0.1:0 --ops 127.0.0.1:0)
typed export "${times[@]}"
export "${times[@]}"
typed cairn dev "${anywhere[@]}" '&'
touch "$work/log"
# In a process group of its own, so that Ctrl-C reaches this script alone, which then stops it.
set -m
cairn dev "${anywhere[@]}" >"$work/log" 2>&1 </dev/null &
store=$!
set +m
until_true 60 "cairn dev is up" grep -q '^Ctrl-C stops it' "$work/log"
probe=$(sed -nE 's/^ +probes +//p' "$work/log")
until_true 20 "cairn dev is ready" curl -fsS -o "$work/ready" "$probe"
typed 'source cairn-data/dev.env'
# shellcheck disable=SC1091 # written by cairn dev
source "$work/cairn-data/dev.env"
run cairn whoami

say "Two agents, one session" \
    "A session is whatever the orchestrator calls the run; the first push makes it." \
    "What a file is called says little later; who made it, in which run and with" \
    "what facts about it is what it will be found by."
run cairn push README.md docs/cairn.png --session demo-run --agent writer --meta status=draft --meta topic=launch
run cairn push model.bin --session demo-run --agent trainer --meta status=final --meta topic=launch
expect "the session holds three artifacts" test "$(artifacts --session demo-run)" -eq 3

say "What did this run make?" "One question lists it; metadata narrows it down."
run cairn ls --session demo-run
run cairn ls --session demo-run --meta topic=launch --meta status=final
expect "one artifact is final" test "$(artifacts --session demo-run --meta topic=launch --meta status=final)" -eq 1

say "Pull by id" \
    "The id works from any machine. Every pull is hashed on both ends, so what" \
    "arrives is what was pushed."
model=$(id_of --session demo-run --name model.bin)
run cairn pull "$model" -o copy.bin
run sha256sum model.bin copy.bin
expect "the copy has the same bytes" cmp model.bin copy.bin
rm copy.bin

say "The same bytes again" \
    "Another agent saves the same model. It is a new version with a context of its" \
    "own, and the hundred megabytes are kept once."
run cairn push model.bin --session demo-run --agent evaluator --meta status=final --meta verdict=pass
expect "two artifacts are the model" test "$(artifacts --session demo-run --name model.bin)" -eq 2
hashes=$(cairn ls --session demo-run --name model.bin --json | grep -oE 'sha256:[0-9a-f]{64}' | uniq | wc -l)
expect "they have one hash" test "$hashes" -eq 1
run cairn ls --session demo-run --name model.bin
until_true 20 "the bytes of the second push are given back" files_are 1
list_files
echo "Two artifacts, one stored object of 100 MB. The README and the logo are in no"
echo "file, because small content is kept in Postgres."

say "A link" "For people without a key: a URL that expires, and that can be revoked before."
logo=$(id_of --session demo-run --name cairn.png)
run cairn link "$logo" --expires-in 1h
url=$(cairn link ls --artifact "$logo" --json | field url)
run env -u CAIRN_API_KEY curl -sSf -o logo.png "$url"
run cmp logo.png docs/cairn.png
echo "(no difference)"

say "Seal" \
    "The run is over. An agent that wakes up too late cannot add to what others have" \
    "read and acted upon."
run cairn session seal demo-run
echo "I am late" >late.txt
run_refused "Session 'demo-run' is sealed. No new artifacts can be added." \
    cairn push late.txt --session demo-run --agent late
refused=$(cairn push late.txt --session demo-run --agent late --json 2>&1 || true)
expect "programs are told session_sealed" grep -q '"code":"session_sealed"' <<<"$refused"
expect "nothing has entered the session" test "$(artifacts --session demo-run)" -eq 4

say "Expire and collect" \
    "Artifacts live for 30 days unless told otherwise. This one lives three seconds."
head -c 5000000 /dev/urandom >scratch.bin
run cairn push scratch.bin --agent writer --ttl 3s
scratch=$(id_of --name scratch.bin)
expect "its bytes are one more file" files_are 2
list_files
echo "... three seconds later, and another for the collector ..."
gone() { [[ $(cairn inspect "$scratch" --json 2>&1) == *'"code":"artifact_expired"'* ]]; }
until_true 20 "the artifact expires" gone
run_refused "expired at" cairn pull "$scratch" -o scratch.copy
until_true 20 "the collector reclaims its bytes" files_are 1
list_files
echo "Its bytes are gone. Those of the artifacts that live on are where they were,"
echo "and still right:"
run cairn pull "$model" -o copy.bin
run cmp model.bin copy.bin
echo "(no difference)"
expect "the session holds what it held" test "$(artifacts --session demo-run)" -eq 4

expect "cairn dev stops when it is asked to, without a fault" stop
expect "Postgres has stopped with it" test ! -e cairn-data/postgres/data/postmaster.pid
say "That is all" \
    "It took $SECONDS seconds. The store has stopped and its folder goes. For one that" \
    "stays: make dev"
