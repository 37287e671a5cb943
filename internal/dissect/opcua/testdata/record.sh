#!/bin/sh
# Records node-opcua's server and client on loopback and writes one golden file
# for each of their connections: nodeopcua-N.txt. Needs node, tshark, the right to
# capture on lo, and MODULES, a folder in which "npm install node-opcua@2.186.4" ran.
# Afterwards: go test ./internal/dissect/opcua -update
set -eu
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d)
capture=
finish() {
	[ -z "$capture" ] || kill "$capture" 2>/dev/null || true
	rm -rf "$dir"
}
trap finish EXIT
port=${PORT:-26543}
tshark -i lo -w "$dir/lo.pcap" -f "tcp port $port" >/dev/null 2>&1 &
capture=$!
sleep 3
PORT=$port PKI="$dir/pki" timeout 240 node "$here/record.mjs" >"$dir/log" 2>&1 || { cat "$dir/log"; exit 1; }
sleep 2
kill "$capture"
capture=
sleep 1
rm -f "$here"/nodeopcua-*.txt
for stream in $(tshark -r "$dir/lo.pcap" -T fields -e tcp.stream 2>/dev/null | sort -nu); do
	{
		echo "# node-opcua's server and client over loopback, connection $stream of those that record.sh makes"
		tshark -r "$dir/lo.pcap" -Y "tcp.stream == $stream && tcp.len > 0" -T fields -e tcp.dstport -e tcp.payload 2>/dev/null |
			sed -e "s/^$port	/> /" -e 's/^[0-9]*	/< /'
	} >"$here/nodeopcua-$stream.txt"
done
