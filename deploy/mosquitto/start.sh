#!/bin/sh
# Makes the broker's accounts from the environment, then becomes the broker. Runs in the eclipse-mosquitto container.
set -eu
umask 077
here=$(dirname "$0")
accounts=${ACCOUNTS:-/accounts}
kept=${KEPT:-/mosquitto/data}
identities=${IDENTITIES:-/identities}
authority=${AUTHORITY:-/authority}

add() { mosquitto_passwd -b "$accounts/passwords" "$1" "$2"; }

: >"$accounts/passwords"
add ingest "$INGEST"
add commander "$COMMANDER"
add recorder "$RECORDER"
add integrations "$INTEGRATIONS"
add bridge "$BRIDGE"
add gateway-130202 "$GATEWAY_130202"
add gateway-130203 "$GATEWAY_130203"
add gateway-130204 "$GATEWAY_130204"
add gateway-130205 "$GATEWAY_130205"
cp "$here/acl" "$accounts/acl"

# What the port for certificates needs of the city's device authority. Its list of revocations is the first one only:
# ingest hands over each that follows. Another authority begins with its own.
cmp -s "$authority/authority.crt" "$kept/authority.crt" || rm -f "$kept/device_crl"
for name in authority.crt broker.crt broker.key; do
    cp "$authority/$name" "$kept/$name.new" && mv -f "$kept/$name.new" "$kept/$name"
done
[ -e "$kept/device_crl" ] || cp "$authority/device_crl" "$kept/device_crl"

# Devices' identities: ingest writes them to a folder that both see; the broker takes them over and reads them again.
follow() {
    while kill -0 $$ 2>/dev/null; do
        changed=
        for name in device_acl device_crl device_passwords; do
            [ -r "$identities/$name" ] || continue
            cmp -s "$identities/$name" "$kept/$name" && continue
            cp "$identities/$name" "$kept/$name.new" && mv -f "$kept/$name.new" "$kept/$name" && changed=yes
        done
        [ -z "$changed" ] || kill -HUP $$
        sleep 1
    done
}
touch "$kept/device_acl" "$kept/device_passwords"
(sleep 1; follow) >/dev/null 2>&1 &

exec mosquitto -c "${CONFIGURATION:-$here/mosquitto.conf}"
