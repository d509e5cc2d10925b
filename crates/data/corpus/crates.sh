#!/bin/sh
# Writes crates.txt: the crates that make the default corpus, with version and SHA-256 of the archive.
#
# They are the crates that the binary is built from on every platform below (normal and build dependencies, no
# development dependencies), so that whoever has built it has their archives. Run it when the test of the list says
# so; needs the network, as Cargo reads the manifests of other platforms' crates. The corpus changes with the list.
set -eu
export LC_ALL=C
cd "$(dirname "$0")"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

platforms="x86_64-unknown-linux-gnu aarch64-unknown-linux-gnu x86_64-unknown-linux-musl
x86_64-apple-darwin aarch64-apple-darwin x86_64-pc-windows-msvc aarch64-pc-windows-msvc x86_64-pc-windows-gnu"
count=0
for platform in $platforms; do
    cargo tree --locked --package kleiber --edges normal,build --target "$platform" --prefix none --format '{p}' \
        | awk '$2 ~ /^v/ && $3 !~ /\(\// { print $1, substr($2, 2) }' | sort -u >> "$scratch/all"
    count=$((count + 1))
done
sort "$scratch/all" | uniq -c | awk -v count="$count" '$1 == count { print $2, $3 }' > "$scratch/everywhere"

# Registry crates have a checksum in the lock file; crates of this workspace have none and drop out.
awk -F'"' '/^name = /{ name = $2 } /^version = /{ version = $2 } /^checksum = /{ print name, version, $2 }' \
    ../../../Cargo.lock | sort > "$scratch/checksums"
{
    echo "# name, version, SHA-256 of the archive; written by crates.sh"
    awk 'NR == FNR { wanted[$1 " " $2]; next } ($1 " " $2) in wanted' "$scratch/everywhere" "$scratch/checksums"
} > "$scratch/list"
mv "$scratch/list" crates.txt
