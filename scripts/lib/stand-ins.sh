# Sourced by scripts/image-check: makes the images that the Dockerfile's FROM and COPY --from name. It reads those names from
# the Dockerfile, so that a new tag there needs no change here.
# Needs $root, $cache, $work, $arch, $node_arch, $bun_arch, buildah_here and retry.

# Name of the Dockerfile's base image that begins with $1, as buildah looks it up: with its registry.
image_named() {
  local name
  name=$(sed -n "s|^FROM \($1:[^ ]*\).*|\1|p" "$root/Dockerfile")
  [ -n "$name" ] || { echo "error: the Dockerfile has no image $1" >&2; return 1; }
  case "$name" in
    *.*/*) echo "$name" ;;
    */*) echo "docker.io/$name" ;;
    *) echo "docker.io/library/$name" ;;
  esac
}

# Version of a dependency in package.json.
version_of() {
  sed -n "s|^ *\"$1\": *\"\([^\"]*\)\".*|\1|p" "$root/package.json"
}

# Unpacks package $1 (name@version) of the npm registry into directory $2.
unpack() {
  local archive
  mkdir -p "$2"
  archive=$(cd "$work/tmp" && retry npm pack --silent "$1")
  tar -xzf "$work/tmp/$archive" -C "$2" --strip-components=1 --no-same-owner
  rm "$work/tmp/$archive"
}

# Archive of a minimal Debian $1, made once.
base_system() {
  local archive=$cache/$1-$arch.tar
  if [ ! -s "$archive" ]; then
    debootstrap --variant=minbase "$1" "$work/base" "${DEBIAN_MIRROR:-http://deb.debian.org/debian}" >"$work/debootstrap.log" 2>&1 ||
      { tail -n 5 "$work/debootstrap.log" >&2; return 1; }
    rm -rf "$work/base/var/cache/apt/archives"/*.deb
    tar -cf "$archive.$$" --numeric-owner -C "$work/base" .
    mv "$archive.$$" "$archive"
    rm -rf "$work/base"
  fi
  echo "$archive"
}

# commit NAME TREE [BASE]: an image of directory TREE on top of archive BASE.
commit() {
  local container
  container=$(buildah_here from scratch)
  [ -z "${3:-}" ] || buildah_here add --quiet "$container" "$3" / >/dev/null
  tar -cf "$2.tar" -C "$2" . # an archive, because a copied directory would lose its owners
  buildah_here add --quiet "$container" "$2.tar" / >/dev/null
  # This machine's way out, where its certificate authorities are not Debian's or its registry is a mirror.
  [ ! -s "$2/$authorities" ] || buildah_here config --env "NODE_EXTRA_CA_CERTS=/$authorities" "$container"
  local variable
  for variable in npm_config_registry NPM_CONFIG_REGISTRY BUN_CONFIG_REGISTRY; do
    [ -z "${!variable:-}" ] || buildah_here config --env "$variable=${!variable}" "$container"
  done
  buildah_here commit --quiet --rm "$container" "$1" >/dev/null
  rm -rf "$2" "$2.tar"
}

make_stand_ins() {
  local base tree node_image version
  node_image=$(image_named node)
  base=$(base_system bookworm)

  tree=$work/tree-bun
  unpack "@oven/bun-linux-$bun_arch@$(pinned_version)" "$tree/package"
  mkdir -p "$tree/usr/local/bin"
  mv "$tree/package/bin/bun" "$tree/usr/local/bin/bun"
  ln -s bun "$tree/usr/local/bin/bunx"
  rm -rf "$tree/package"
  add_authorities "$tree"
  commit "$(image_named oven/bun)" "$tree" "$base"

  # Node with npm, and the user of the real image.
  tree=$work/tree-node
  version=${node_image#*node:}
  unpack "node-linux-$node_arch@${version%%-*}" "$tree/usr/local"
  unpack npm@11 "$tree/usr/local/lib/node_modules/npm"
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$tree/usr/local/bin/npm"
  ln -s ../lib/node_modules/npm/bin/npx-cli.js "$tree/usr/local/bin/npx"
  mkdir -p "$tree/etc" "$tree/home/node"
  tar -xOf "$base" ./etc/passwd >"$tree/etc/passwd"
  tar -xOf "$base" ./etc/group >"$tree/etc/group"
  echo 'node:x:1000:1000::/home/node:/bin/bash' >>"$tree/etc/passwd"
  echo 'node:x:1000:' >>"$tree/etc/group"
  chown 1000:1000 "$tree/home/node"
  add_authorities "$tree"
  commit "$node_image" "$tree" "$base"

  # uv is not in Debian or npm: two scripts stand in for it, so that its COPY and its place on PATH are checked, and no more.
  tree=$work/tree-uv
  mkdir -p "$tree"
  printf '#!/bin/sh\necho "stand-in for uv"\n' | tee "$tree/uv" >"$tree/uvx"
  chmod +x "$tree/uv" "$tree/uvx"
  commit "$(image_named ghcr.io/astral-sh/uv)" "$tree"

  tree=$work/tree-docker
  mkdir -p "$tree/usr/local/bin" "$work/docker"
  (cd "$work/tmp" && retry apt-get download -qq -o APT::Sandbox::User=root docker.io >/dev/null && dpkg-deb -x docker.io_*.deb "$work/docker" && rm docker.io_*.deb)
  cp "$work/docker/usr/bin/docker" "$tree/usr/local/bin/docker"
  commit "$(image_named docker)" "$tree"
}

# Puts this machine's extra certificate authorities into a stand-in, out of the way of Debian's own bundle.
authorities=etc/ssl/host-authorities.pem
add_authorities() {
  [ -r "${NODE_EXTRA_CA_CERTS:-}" ] || return 0
  mkdir -p "$1/etc/ssl"
  cp -L "$NODE_EXTRA_CA_CERTS" "$1/$authorities"
}
