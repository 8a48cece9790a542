#!/usr/bin/env bash
# Asks a running service what its users and its operators ask: .ci/smoke.sh http://127.0.0.1:8000
# Ends with the first answer that is none.
set -euo pipefail
url=$1

ask() { curl --silent --show-error --fail-with-body --max-time 30 --noproxy '*' "$@"; }
has() { grep -- "$1" >/dev/null; } # not -q, which would leave before curl has written all

ask "$url/healthz"
ask "$url/readyz"
ask --header 'Accept: text/html' "$url/predict" | has '<form'
answer=$(ask --data-urlencode 'text=WORST SHOW EVER' "$url/predict")
has '"label"' <<<"$answer"
printf 'id,text\n1,WORST SHOW EVER\n' | ask --form 'file=@-;filename=tweets.csv' "$url/predict/file" | has '^1,'
version=$(ask --head "$url/healthz" | tr -d '\r' | sed -n 's/^x-model-version: //Ip')
has "\"$version\"" <<<"$answer"
printf '\n%s\n' "$answer"
