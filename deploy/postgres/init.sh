#!/bin/bash
# First start of an empty database: roles, database, extensions. runtime/services/postgres.py does the same without
# containers; a test runs this file and then the migrations as their owner.
set -euo pipefail

psql --set ON_ERROR_STOP=1 --no-psqlrc --quiet --username "${POSTGRES_USER:-postgres}" --dbname postgres \
    --set owner="$CITYGRID_OWNER_PASSWORD" --set ingest="$CITYGRID_INGEST_PASSWORD" --set view="$CITYGRID_VIEW_PASSWORD" <<'SQL'
CREATE ROLE citygrid_writer NOLOGIN;
CREATE ROLE citygrid_reader NOLOGIN;
CREATE ROLE citygrid_scoped NOLOGIN;
CREATE ROLE citygrid LOGIN PASSWORD :'owner';
CREATE ROLE citygrid_ingest LOGIN PASSWORD :'ingest';
CREATE ROLE citygrid_view LOGIN PASSWORD :'view';
GRANT citygrid_writer, citygrid_reader, citygrid_scoped TO citygrid WITH ADMIN OPTION;
GRANT citygrid_writer TO citygrid_ingest;
GRANT citygrid_reader TO citygrid_view;
CREATE DATABASE citygrid OWNER citygrid TEMPLATE template0 ENCODING 'UTF8';
\connect citygrid
CREATE EXTENSION IF NOT EXISTS timescaledb;
CREATE EXTENSION IF NOT EXISTS postgis;
SQL
