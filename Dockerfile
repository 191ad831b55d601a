# Evertrain's worker and model server: Node, the npm packages of the lock file, and the Python environments of
# the shipped pipelines and of Optuna's samplers. `docker build -t evertrain .`
FROM node:22-slim

# tini-like reaping of jobs comes from `init: true` in docker-compose.yml (`docker run --init`).
RUN apt-get update \
  && apt-get install -y --no-install-recommends ca-certificates python3 python3-venv \
  && rm -rf /var/lib/apt/lists/*

# By itself the allocator keeps what bursts needed, in arenas by core: docs/scaling.md.
ENV MALLOC_ARENA_MAX=2

ENV NODE_ENV=production TZ=UTC EVERTRAIN_CACHE_DIR=/opt/evertrain EVERTRAIN_DATA_DIR=/data
WORKDIR /app

# Packages first: these layers are built again only when a lock file changes. The heavy parts (onnxruntime, DuckDB) are
# optional for users of the library, hence development packages of this one.
COPY package.json package-lock.json .npmrc ./
RUN npm ci --include=dev --no-audit --no-fund && npm cache clean --force
COPY worker/setup worker/setup
COPY python/requirements.txt python/requirements.txt
COPY python/search-requirements.txt python/search-requirements.txt
RUN node worker/setup/main.mjs python search

COPY . .
# The pages of the dashboard, which the user below could not write.
RUN npx vite build client/dashboard/page --outDir /app/dashboard --logLevel warn
RUN mkdir /data && chown node:node /data
VOLUME /data
USER node

# Not through npx: SIGTERM has to reach the worker itself, which then finishes what it can.
ENTRYPOINT ["node", "client/cli/evertrain.mjs"]
CMD ["worker"]
