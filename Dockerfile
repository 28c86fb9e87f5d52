# The proxy with what its servers are started by: node and npx, uvx, the docker CLI, git.
#   docker build -t mcp-sse-proxy . && docker run -p 8000:8000 -e MAXIM_SECRET=... mcp-sse-proxy
# scripts/image-check builds and runs this file without a Docker engine.

FROM oven/bun:1.4.5-debian AS build
WORKDIR /src
# The dependencies alone first: this layer stays cached until they change. Development's are not part of the executable.
COPY package.json bun.lock bunfig.toml ./
RUN bun install --frozen-lockfile --production
COPY tsconfig.json ./
COPY scripts/build scripts/build
COPY scripts/lib/bun.sh scripts/lib/bun.sh
COPY src src
# The context holds no .git, so whoever builds says which commit this is.
ARG BUILD_COMMIT=unknown
RUN scripts/build --no-install

FROM ghcr.io/astral-sh/uv:0.13.8 AS uv

# From Docker's own image, for Debian's client is too old for the protocol of today's engines.
FROM docker:29.7.2-cli AS docker

FROM node:24.19.0-bookworm-slim
# bubblewrap gives each child a PID namespace where the host allows it; util-linux brings setpriv; python3 spares uvx the
# download of an interpreter; tini, as PID 1, reaps what children leave behind.
RUN apt-get update \
  && apt-get install -y --no-install-recommends bubblewrap ca-certificates git python3 tini util-linux \
  && rm -rf /var/lib/apt/lists/*
# A client is shown the last lines of a server's stderr: npm's advertising must not push the reason out of them.
RUN npm config set --location=global update-notifier=false fund=false audit=false
COPY --from=uv /uv /uvx /usr/local/bin/
COPY --from=docker /usr/local/bin/docker /usr/local/bin/docker
COPY --from=build /src/dist/mcp-sse-proxy /usr/local/bin/mcp-sse-proxy

# A configuration file mounted here is found: /app/mcp-sse-proxy.json (jsonc, yaml, toml). The folder and the executable
# belong to root, so that no child, running as the same user as the proxy, can change either.
WORKDIR /app
USER node
# HOME, which not every container host sets: npm and uv keep their downloads there, and the docker CLI its settings.
# On all interfaces: a container's loopback is out of its host's reach.
ENV HOME=/home/node HOST=0.0.0.0 PORT=8000
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=15s CMD ["mcp-sse-proxy", "health"]
# -s: also where another init is PID 1 (Fly), tini is the one that orphans are given to.
ENTRYPOINT ["tini", "-s", "--", "mcp-sse-proxy"]
CMD ["serve"]
