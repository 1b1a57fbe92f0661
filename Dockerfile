# One image for every role; what a container does is its command: `ingest`, `worker`, `serve`, `simulate`, ...
# Needs BuildKit, for the cache mounts: a second build compiles only what has changed.

FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --package refersion-destination \
    && cp target/release/refersion-destination /refersion-destination

FROM debian:bookworm-slim
# The authorities that sign Refersion's certificate, a broker's or a database's.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /refersion-destination /usr/local/bin/refersion-destination
# A new volume takes over the owner of the folder that it is mounted on, so these two can be written by our user.
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin refersion \
    && install --directory --owner=refersion --mode=0700 /data /secrets
USER refersion
WORKDIR /
# In a container, 127.0.0.1 can be reached by nobody outside.
ENV REFERSION_DESTINATION__INGEST__LISTEN=0.0.0.0:8080 \
    REFERSION_DESTINATION__HEALTH__LISTEN=0.0.0.0:8082
# Queue, ledger and master key of `serve` are in /data: without a volume they go with the container.
VOLUME ["/data", "/secrets"]
ENTRYPOINT ["refersion-destination"]
CMD ["serve"]
EXPOSE 8080 8082
