#!/bin/sh
# Builds the daemon and runs it in the foreground with the example in which 127.0.0.1 is an instance.
set -eu
cd "$(dirname "$0")/.."
. scripts/lib.sh

configuration=${CONFIGURATION:-debug}
port=${NAMEPLATE_METADATA_PORT:-8775}
id=11111111-2222-4333-8444-555555555555

need_swift
need_headers
mkdir -p .serve 2>/dev/null && [ -w .serve ] ||
  fail "$PWD/.serve cannot be written; is it another user's? Remove it, or run: make clean"
chmod 0700 .serve
"$SWIFT" build --configuration "$configuration" --product nameplate

nameplate=.build/$configuration/nameplate
cat <<END

Nameplate starts on 127.0.0.1:$port, where 127.0.0.1 is the instance 'demo'. Ctrl-C stops it.
In another terminal, in $PWD, try:

  curl http://127.0.0.1:$port/latest/meta-data/public-keys/0/openssh-key
  curl http://127.0.0.1:$port/openstack/latest/meta_data.json
  $nameplate look $id /latest/meta-data/ --socket .serve/control.sock

END
exec "$nameplate" serve --config examples/serve.yaml --apply examples/loopback.yaml
