# Sourced by the scripts, with $root set to the repository. Defines:
#   use_bun               puts the pinned Bun first on PATH, installing it under .tools/ when it is not there
#   install_dependencies  installs what bun.lock names into node_modules
#   retry COMMAND...      runs a command up to three times: a registry hiccup is not a failed set-up
# Works with only git, a shell and Node with npm, or with only a Bun of any version.

# A set-up must not change with what the caller's shell tells every Bun to do (preloads, acting as the bare runtime).
unset BUN_OPTIONS BUN_BE_BUN

retry() {
  retry_left=3
  until "$@"; do
    retry_left=$((retry_left - 1))
    [ "$retry_left" -gt 0 ] || return 1
    echo "retrying: $*" >&2
    sleep 2
  done
}

# The one place that names the version is package.json's "packageManager".
pinned_version() {
  sed -n 's/.*"packageManager": *"bun@\([0-9][0-9A-Za-z.-]*\).*/\1/p' "$root/package.json"
}

# True when $1 is a Bun of version $2 that runs here (a musl build does not on glibc, nor the other way round).
is_bun() {
  [ -n "$1" ] && [ -x "$1" ] && [ "$("$1" --version 2>/dev/null)" = "$2" ]
}

# Downloads Bun $1 into directory $2 with npm, or with the Bun that is there. Install scripts stay off: many npm policies
# block them, and the platform's package (@oven/bun-...) already holds the executable that bun's own script would link.
download_bun() {
  if command -v npm >/dev/null 2>&1; then
    retry npm install --prefix "$2" --no-save --no-audit --no-fund --ignore-scripts --loglevel=error "bun@$1" >&2
  elif command -v bun >/dev/null 2>&1; then
    echo '{}' >"$2/package.json"
    (cd "$2" && retry bun add --exact --ignore-scripts --silent "bun@$1") >&2
  else
    echo "error: Bun $1 is needed, and neither npm nor another Bun is there to fetch it: install Node.js or Bun first" >&2
    return 1
  fi
}

# Installs Bun $1 as .tools/bun-$1. It is made elsewhere and moved into place whole, because two scripts may start at once.
install_bun() {
  mkdir -p "$root/.tools"
  fresh=$(mktemp -d "$root/.tools/new.XXXXXX")
  chmod 755 "$fresh" # others may run what root installed
  echo "Installing Bun $1 under .tools/" >&2
  download_bun "$1" "$fresh" || { rm -rf "$fresh"; return 1; }
  for candidate in "$fresh"/node_modules/@oven/bun-*/bin/bun "$fresh"/node_modules/@oven/bun-*/bin/bun.exe; do
    if is_bun "$candidate" "$1"; then
      mkdir "$fresh/bin"
      mv "$candidate" "$fresh/bin/bun"
      ln -s bun "$fresh/bin/bunx" # Bun acts as bunx when that is the name it was called by
      rm -rf "$fresh/node_modules"
      mv "$fresh" "$root/.tools/bun-$1" 2>/dev/null || rm -rf "$fresh" # another script was quicker
      return 0
    fi
  done
  rm -rf "$fresh"
  echo "error: no build of Bun $1 runs on this machine ($(uname -sm))" >&2
  return 1
}

use_bun() {
  version=$(pinned_version)
  [ -n "$version" ] || { echo "error: package.json has no \"packageManager\": \"bun@...\"" >&2; return 1; }
  if is_bun "$(command -v bun 2>/dev/null)" "$version"; then return 0; fi
  is_bun "$root/.tools/bun-$version/bin/bun" "$version" || install_bun "$version" || return 1
  PATH="$root/.tools/bun-$version/bin:$PATH"
  export PATH
}

install_dependencies() {
  (cd "$root" && retry bun install --frozen-lockfile --silent)
}
