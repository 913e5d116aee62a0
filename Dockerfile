# syntax=docker/dockerfile:1
#
# pronto-grpc as one static binary on an empty file system.
#
#   docker build --tag pronto-grpc .
#   docker run --rm -p 127.0.0.1:50051:50051 -p 127.0.0.1:8080:8080 \
#     -v pronto:/data pronto-grpc serve --sandbox --allow-insecure
#
# Without TLS or clients (docs/configuration.md) the server refuses to listen on all
# addresses, as it has to in a container, unless --allow-insecure is given.
#
# With a binary that is there already, as scripts/image-check does: a folder with
# out/pronto-grpc and an empty out/data takes the place of the stage `build`.
#
#   docker build --build-context build=FOLDER --tag pronto-grpc .
#   buildah build --build-context build=FOLDER --tag pronto-grpc .
#
# The build image is Alpine, whose host target is musl: what cargo builds there
# is static, for the architecture that docker builds for. It brings gcc and
# musl-dev, which ring and the bundled SQLite need; elsewhere that is Debian's
# musl-tools and `rustup target add x86_64-unknown-linux-musl`.

FROM rust:1.95.0-alpine3.23 AS build
SHELL ["/bin/ash", "-euo", "pipefail", "-c"]
WORKDIR /src
COPY . .
# With --target, crt-static concerns the binary and not the build scripts and
# procedural macros, which cannot be static. The last line fails the build when
# the binary needs a loader: there is none in the final image.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    target="$(rustc -vV | sed -n 's/^host: //p')" \
    && RUSTFLAGS='-C target-feature=+crt-static' \
        cargo build --locked --profile image --bin pronto-grpc --target "$target" \
    && install -D "target/$target/image/pronto-grpc" /out/pronto-grpc \
    && install -d /out/data \
    && test -z "$(readelf --program-headers /out/pronto-grpc | sed -n '/INTERP/p')"

FROM scratch
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=unknown
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="pronto-grpc" \
      org.opencontainers.image.description="A gRPC facade for the Pronto (Pipecorn) REST API" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"

COPY --from=build /out/pronto-grpc /pronto-grpc
COPY LICENSE /LICENSE

# Jobs and their results, and what the demonstration keeps for a moment: the only folder
# that is written, so the rest may be read-only. A volume takes this directory's owner over; a bind mount has to belong
# to 65532 by itself.
COPY --from=build --chown=65532:65532 /out/data /data
VOLUME /data
WORKDIR /data
ENV PRONTO_GRPC_GRPC_ADDRESS=0.0.0.0:50051 \
    PRONTO_GRPC_CALLBACK_ADDRESS=0.0.0.0:8080 \
    PRONTO_GRPC_ADMIN_ADDRESS=0.0.0.0:9090 \
    PRONTO_GRPC_DATA_DIR=/data \
    TMPDIR=/data

# A number, so that Kubernetes can tell that it is not root (runAsNonRoot).
USER 65532:65532

# gRPC, the HTTP listener that Pronto's callbacks reach, and the one for operators.
EXPOSE 50051 8080 9090
ENTRYPOINT ["/pronto-grpc"]
CMD ["serve"]
