#!/bin/sh
# Makes the broker's accounts from the environment, then becomes the broker. Runs in the eclipse-mosquitto container.
set -eu
umask 077
here=$(dirname "$0")
accounts=${ACCOUNTS:-/accounts}

add() { mosquitto_passwd -b "$accounts/passwords" "$1" "$2"; }

: >"$accounts/passwords"
add ingest "$INGEST"
add recorder "$RECORDER"
add integrations "$INTEGRATIONS"
add bridge "$BRIDGE"
add gateway-130202 "$GATEWAY_130202"
add gateway-130203 "$GATEWAY_130203"
add gateway-130204 "$GATEWAY_130204"
add gateway-130205 "$GATEWAY_130205"
cp "$here/acl" "$accounts/acl"

exec mosquitto -c "${CONFIGURATION:-$here/mosquitto.conf}"
