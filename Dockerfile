# syntax=docker/dockerfile:1
# The service and its model: docker build -t tweet-sentiment . ; docker run --rm --init -p 8000:8000 tweet-sentiment
# docs/deploy.md says how to run it. tests/deploy/test_image.py runs these steps without Docker.

# As runtime.txt, which Heroku reads.
FROM python:3.13-slim AS base
WORKDIR /app
ENV PATH=/app/.venv/bin:$PATH

FROM base AS build
# requirements-traces.txt for an image that can send traces (docs/traces.md), requirements-feedback.txt for one that
# keeps corrections (docs/feedback.md).
ARG REQUIREMENTS=requirements.txt
COPY requirements.txt requirements-traces.txt requirements-feedback.txt ./
# Wheels alone: a package's source would need a compiler, and would be run to be built.
RUN --mount=type=cache,target=/var/cache/pip \
    python -m venv --without-pip .venv \
    && python -m pip --python .venv install --cache-dir "${PIP_CACHE_DIR:-/var/cache/pip}" --only-binary :all: -r "$REQUIREMENTS"
COPY serving serving
COPY artifacts artifacts
# Nothing can be written here later, so what Python compiles is compiled now. The files of a clone may be readable to
# their owner alone, who is another than the user below.
RUN python -m compileall -q --invalidation-mode unchecked-hash serving \
    && chmod -R a+rX,go-w .

FROM base
# MALLOC_ARENA_MAX keeps the C library from holding memory for each thread, as in app.json.
ENV HOST=0.0.0.0 PORT=8000 MALLOC_ARENA_MAX=2
COPY --from=build /app /app
USER 10001:10001
EXPOSE 8000
# Whether it is alive: it does not listen before its model has given its known answers.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --start-interval=1s \
    CMD ["python", "-c", "import http.client, os, sys; c = http.client.HTTPConnection('127.0.0.1', os.environ['PORT'], timeout=4); c.request('GET', '/healthz'); sys.exit(c.getresponse().status != 200)"]
CMD ["python", "-m", "serving.server"]
