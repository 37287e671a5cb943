#!/bin/sh
# Records a conversation of net-snmp's agent and tools on loopback as the golden
# file netsnmp.txt: versions 1, 2c and 3, reads, a write, errors, encryption.
# Needs snmpd, snmp (Debian), tshark and the right to capture on lo.
# Afterwards: go test ./internal/dissect/snmp -update
set -eu
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d)
agent= capture=
finish() {
	for p in $agent $capture; do kill "$p" 2>/dev/null || true; done
	rm -rf "$dir"
}
trap finish EXIT
port=16161
cat >"$dir/snmpd.conf" <<EOF
agentaddress udp:127.0.0.1:$port
rocommunity public 127.0.0.1
rwcommunity write-me 127.0.0.1
sysDescr Example Gateway 4, software 3.1.7
sysLocation Pump house 2
sysContact ot@example.org
sysServices 6
createUser reader SHA "authpass-1" AES "privpass-1"
rouser reader noauth
EOF
export SNMP_PERSISTENT_DIR="$dir" SNMPCONFPATH="$dir" MIBS=
snmpd -f -Lo -C -c "$dir/snmpd.conf" >"$dir/log" 2>&1 &
agent=$!
tshark -i lo -w "$dir/lo.pcap" -f "udp port $port" >/dev/null 2>&1 &
capture=$!
sleep 3
to="-On -t 2 -r 0"
at=127.0.0.1:$port
system=.1.3.6.1.2.1.1
snmpset -v2c -c write-me $to $at $system.5.0 s gw-4
snmpget -v2c -c public $to $at $system.1.0 $system.2.0 $system.4.0 $system.5.0 $system.6.0 $system.7.0
snmpgetnext -v1 -c public $to $at $system.4
snmpbulkget -v2c -c public -Cr1 $to $at .1.3.6.1.2.1.2.2.1.2
snmpget -v1 -c public $to $at $system.99.0 || true # no such name
snmpset -v2c -c public $to $at $system.5.0 s x || true # no access
snmpget -v3 -u reader -l noAuthNoPriv $to $at $system.1.0
snmpget -v3 -u reader -l authNoPriv -a SHA -A authpass-1 $to $at $system.6.0
snmpget -v3 -u reader -l authPriv -a SHA -A authpass-1 -x AES -X privpass-1 $to $at $system.5.0
sleep 2
kill "$capture"; capture=
sleep 1
{
	echo "# net-snmp's snmpd and tools over loopback, recorded by record.sh ($(snmpd -v 2>&1 | sed -n 's/.*version: */version /p'))"
	tshark -r "$dir/lo.pcap" -T fields -e udp.dstport -e udp.payload 2>/dev/null |
		sed -e "s/^$port	/> /" -e 's/^[0-9]*	/< /'
} >"$here/netsnmp.txt"
