# PostgreSQL with drugembed, on the official image:
#   docker build --tag drugembed . && docker run --env POSTGRES_PASSWORD=... drugembed
# PG picks the major, of 13 to 18, and SUITE the Debian release of the official image.
ARG PG=17
ARG SUITE=bookworm

FROM postgres:${PG}-${SUITE} AS build
ARG PG
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
ENV PATH=/usr/local/cargo/bin:$PATH CARGO_HOME=/usr/local/cargo
# The image's release decides on the versions.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends build-essential ca-certificates clang libclang-dev libssl-dev pkg-config \
        dpkg-dev python3 python3-pip "postgresql-server-dev-${PG}" \
 && rm -rf /var/lib/apt/lists/*
COPY --from=rust:1.95-bookworm /usr/local/cargo /usr/local/cargo
COPY --from=rust:1.95-bookworm /usr/local/rustup /usr/local/rustup
ENV RUSTUP_HOME=/usr/local/rustup
COPY . /src
WORKDIR /src
RUN make deb PG_CONFIG="/usr/lib/postgresql/${PG}/bin/pg_config"

FROM postgres:${PG}-${SUITE}
COPY --from=build /src/dist/*.deb /packages/
RUN apt-get update \
 && apt-get install --yes --no-install-recommends /packages/*.deb \
 && rm -rf /var/lib/apt/lists/* /packages
COPY packaging/docker-initdb.sql /docker-entrypoint-initdb.d/drugembed.sql
CMD ["postgres", "-c", "shared_preload_libraries=drugembed"]
