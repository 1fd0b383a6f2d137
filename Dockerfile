# Pages and wheel are built in the first stage; the second carries Python and what the server runs on, nothing else.
# Kept to plain COPY and RUN: tests/architecture/test_dockerfile.py carries the same steps out in a folder, where there is no engine.

FROM python:3.13-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build
COPY requirements requirements
RUN python -m venv /build/env \
 && /build/env/bin/pip install --only-binary :all: --require-hashes -r requirements/build.txt
RUN python -m venv /opt/smartroom \
 && /opt/smartroom/bin/pip install --only-binary :all: --require-hashes -r requirements/runtime.txt
COPY . .
RUN /build/env/bin/python .ci/pages.py \
 && /build/env/bin/python -m hatchling build -t wheel -d dist \
 && /opt/smartroom/bin/pip install --no-deps dist/smartroom-*.whl

FROM python:3.13-slim
LABEL org.opencontainers.image.title="smartroom"
# The number is fixed so that the owner of a mounted site and data folder can be set on the host.
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin smartroom
COPY --from=build /opt/smartroom /opt/smartroom
RUN mkdir -p /site /data \
 && chown 10001:10001 /site /data
ENV PATH=/opt/smartroom/bin:$PATH PYTHONUNBUFFERED=1
USER 10001
VOLUME ["/site", "/data"]
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/healthz', timeout=2)"]
ENTRYPOINT ["smartroom"]
CMD ["serve", "--site", "/site", "--data", "/data", "--host", "0.0.0.0", "--port", "8080"]
