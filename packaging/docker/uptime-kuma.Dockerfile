# syntax=docker/dockerfile:1
# Uptime Kuma and Rowplica in one container: Rowplica starts the application, and can start it anew. From the root of a checkout:
#   docker build -f packaging/docker/Dockerfile -t rowplica .
#   docker build -f packaging/docker/uptime-kuma.Dockerfile -t uptime-kuma-rowplica .
ARG ROWPLICA=rowplica:latest
ARG UPTIME_KUMA=louislam/uptime-kuma:2

FROM ${ROWPLICA} AS rowplica

FROM ${UPTIME_KUMA}
# Root only to become the owner of /app/data, whom the application then runs as, too: with the rootless image that is "node".
USER root
# A Node of its own: the one of the application is older than what Rowplica needs.
COPY --from=rowplica /usr/local/bin/node /usr/local/bin/restic /opt/rowplica/bin/
COPY --from=rowplica /opt/rowplica /opt/rowplica
# By this name, too, it becomes the owner of the database: for docker exec.
RUN ln -s /opt/rowplica/entrypoint.sh /usr/local/bin/rowplica

ENV ROWPLICA_DEFAULT_DATABASE=/app/data/kuma.db \
    ROWPLICA_RESTIC=/opt/rowplica/bin/restic
STOPSIGNAL SIGTERM
# The health check stays that of the application: whoever restarts an unhealthy container shall not do so for a store that is away.
ENTRYPOINT ["/usr/bin/dumb-init", "--", "/opt/rowplica/entrypoint.sh"]
CMD ["run", "--", "node", "server/server.js"]
