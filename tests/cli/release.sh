#!/bin/bash
# release.sh - the release, which the file VERSION has, is the same everywhere; `make dist` gives the same bytes twice, and they unpack to
# what is committed.
. "$(dirname "$0")/../lib.sh"
version=$(cat VERSION)
printf '%s' "$version" | grep -Eqx '[0-9]+\.[0-9]+\.[0-9]+' || fail "VERSION: \"$version\" is no release number"
"$BOOTREEL" --version >"$work/version"
holds "$work/version" "^bootreel $version \(trace format" "--version"
holds docs/bootreel.1 "^\.TH BOOTREEL 1 \"\" \"bootreel $version\"" "docs/bootreel.1 (make docs)"
holds CHANGELOG.md "^## \[$version\] - [0-9]{4}-[0-9]{2}-[0-9]{2}$" "CHANGELOG.md"
[ "$(sed -n '1s/^bootreel (\(.*\)) .*/\1/p' debian/changelog)" = "$version" ] || fail "debian/changelog is not of $version"

# The row of docs/versions.md: what the program says of itself. Before a release it is that of what is not released yet.
row=$version
grep -q '^| not released yet |' docs/versions.md && row='not released yet'
said() { sed -n "s/.*$1 \([0-9]*\).*/\1/p" "$work/version"; }
holds docs/versions.md \
    "^\| $row \| $(said 'trace format') \| 1 to $(said 'trace format') \| $(said 'engine pc behaviour') \| [0-9]+ (to|and) $(said 'engine pc behaviour') \| $(said 'engine linux behaviour') \| [0-9]+ (to|and) $(said 'engine linux behaviour') \|" \
    "docs/versions.md: the row of $row"

# A copy, so that build/dist is left alone. A folder without .git is an unpacked archive already.
[ -e .git ] || skip_all "no git"
git clone -q --shared . "$work/copy" 2>"$work/clone.err" || skip_all "no git: $(tail -n 1 "$work/clone.err")"
cd "$work/copy" || exit 2
expect 0 first make -s dist
mv build/dist "$work/first"
echo change >>README.md
expect 0 second bash -c "umask 077; TZ=Asia/Tokyo make -s dist"
holds "$work/second.err" 'changed since is not in it' "make dist with a change"
same "$work/first/bootreel-$version.tar.gz" "build/dist/bootreel-$version.tar.gz" "make dist, twice"
(cd build/dist && sha256sum -c --quiet "bootreel-$version.tar.gz.sha256") || fail "the sum of the archive"
tar -xf "build/dist/bootreel-$version.tar.gz" -C "$work"
(cd "$work/bootreel-$version" && find . -type f -o -type l | sort) >"$work/packed"
git ls-files -z | sed -z 's|^|./|' | sort -z | tr '\0' '\n' >"$work/committed"
same "$work/committed" "$work/packed" "the files of the archive"
sed -i "s/^## .$version. - .*//" CHANGELOG.md
git -c user.name=t -c user.email=t@t.invalid commit -q -m "no changelog" CHANGELOG.md
expect 2 undescribed make -s dist
holds "$work/undescribed.err" "CHANGELOG.md has no section \[$version\]" "a release without a description"
finish
