#!/bin/sh
# Runs studies one after another, each from an empty folder, and puts what they found beside their declarations.
#
#     benches/studies.sh [SLUG...]      all that can run where none is named
#
# Tables of more than 100 KB stay in the folder. KLEIBER is the binary, OUT the folder that runs lie in.
set -eu
cd "$(dirname "$0")/.."
kleiber=${KLEIBER:-target/release/kleiber}
out=${OUT:-$(mktemp -d)}
if [ $# -eq 0 ]; then
    set -- $("$kleiber" study list --json | python3 -c 'import json, sys
print(*(s["slug"] for s in json.load(sys.stdin)["studies"] if s["state"] == "runnable"))')
fi
for slug in "$@"; do
    rm -rf "${out:?}/$slug"
    # A study that is broken ends with 1, and is kept for all to see.
    "$kleiber" study run "studies/$slug/study.toml" --out "$out/$slug" >"$out/$slug.log" 2>&1 || test $? -eq 1
    found="$out/$slug/$slug"
    test -f "$found/result.json"
    find "studies/$slug" -type f ! -name study.toml -delete
    cp "$found/result.json" "$found/report.md" "studies/$slug/"
    find "$found" -name 'report-figure-*' -exec cp {} "studies/$slug/" \;
    find "$found" -name '*.csv' -size -100k -exec cp {} "studies/$slug/" \;
    python3 -c 'import json, sys
r = json.load(open(sys.argv[1]))
print(r["slug"], r["verdict"], "%.0f s" % r["seconds"], r["reason"], sep=": ")' "studies/$slug/result.json"
done
"$kleiber" study summary --out studies -o studies/README.md
