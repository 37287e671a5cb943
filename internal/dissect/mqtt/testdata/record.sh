#!/bin/sh
# Records Mosquitto's broker and clients on loopback, one golden file for each
# connection: mosquitto-N.txt. Needs mosquitto and mosquitto-clients (Debian),
# tshark and the right to capture on lo. Afterwards: go test ./internal/dissect/mqtt -update
set -eu
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d)
broker= capture=
finish() {
	for p in $broker $capture; do kill "$p" 2>/dev/null || true; done
	rm -rf "$dir"
}
trap finish EXIT
port=${PORT:-21883}
mosquitto_passwd -c -b "$dir/users" operator s3cret-pump
chmod 644 "$dir/users"
printf 'listener %s 127.0.0.1\nallow_anonymous true\npassword_file %s\nmax_topic_alias 10\n' "$port" "$dir/users" >"$dir/conf"
chmod 755 "$dir"
mosquitto -c "$dir/conf" >"$dir/log" 2>&1 &
broker=$!
tshark -i lo -w "$dir/lo.pcap" -f "tcp port $port" >/dev/null 2>&1 &
capture=$!
sleep 3
at="-h 127.0.0.1 -p $port"
# Sparkplug: an edge node is born (time, two metrics with text, one alias with a number), says something, is told to start again.
birth='\010\200\320\225\377\274\061\022\050\012\030Properties/Hardware Make\040\014\172\012Example AG\022\041\012\025Properties/FW Version\040\014\172\0063.1.07\022\024\012\005Speed\020\003\040\012\151\000\000\000\000\000\040\227\100\030\000'
mosquitto_sub $at -V mqttv5 -i historian -t 'plant/#' -t 'spBv1.0/#' -q 1 -C 5 -W 8 >/dev/null &
sub=$!
sleep 1
mosquitto_pub $at -V mqttv31 -i old-panel -t plant/line1/speed -m 1480
mosquitto_pub $at -V mqttv311 -i panel -u operator -P s3cret-pump -t plant/line1/speed -m 1500 -q 2 -r --will-topic plant/panel/state --will-payload gone
mosquitto_pub $at -V mqttv5 -u operator -P wrong -t plant/line1/speed -m 1 || true
printf "$birth" | mosquitto_pub $at -V mqttv5 -i edge-7 -t spBv1.0/Hall3/NBIRTH/Edge7 -s -q 1
printf '\022\024\012\024Node Control/Rebirth\040\013\160\001' | sed 's/^\o022\o024/\o022\o032/' | mosquitto_pub $at -V mqttv311 -i scada -t spBv1.0/Hall3/NCMD/Edge7 -s
mosquitto_pub $at -V mqttv311 -i scada -t spBv1.0/STATE/scada -m '{"online":true}'
wait $sub || true
sleep 2
kill "$capture"
capture=
sleep 1
rm -f "$here"/mosquitto-*.txt
for stream in $(tshark -r "$dir/lo.pcap" -T fields -e tcp.stream 2>/dev/null | sort -nu); do
	{
		echo "# Mosquitto's broker and a client over loopback, connection $stream of those that record.sh makes"
		tshark -r "$dir/lo.pcap" -Y "tcp.stream == $stream && tcp.len > 0" -T fields -e tcp.dstport -e tcp.payload 2>/dev/null |
			sed -e "s/^$port	/> /" -e 's/^[0-9]*	/< /'
	} >"$here/mosquitto-$stream.txt"
done
