#!/bin/sh
# Records Samba's smbd and smbclient on loopback, one golden file for each
# connection: samba-N.txt. Needs samba and smbclient (Debian), tshark, root.
# Afterwards: go test ./internal/dissect/smb -update
set -eu
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d)
server= capture=
finish() {
	for p in $server $capture; do kill "$p" 2>/dev/null || true; done
	rm -rf "$dir"
}
trap finish EXIT
port=${PORT:-20445}
mkdir -p "$dir/share" "$dir/state"
chmod 777 "$dir" "$dir/share"
cat >"$dir/smb.conf" <<CONF
[global]
netbios name = HIST01
server role = standalone
smb ports = $port
interfaces = lo
bind interfaces only = yes
map to guest = Bad User
guest account = root
server min protocol = NT1
ntlm auth = yes
disable netbios = yes
load printers = no
state directory = $dir/state
lock directory = $dir/state
private dir = $dir/state
cache directory = $dir/state
pid directory = $dir/state
ncalrpc dir = $dir/state/ncalrpc
log file = $dir/log
passdb backend = tdbsam:$dir/state/passdb.tdb
[recipes]
path = $dir/share
guest ok = yes
read only = no
[C\$]
path = $dir/share
guest ok = yes
[secret]
path = $dir/share
guest ok = yes
smb encrypt = required
CONF
smbd -F --no-process-group -s "$dir/smb.conf" >/dev/null 2>&1 &
server=$!
tshark -i lo -w "$dir/lo.pcap" -f "tcp port $port" >/dev/null 2>&1 &
capture=$!
sleep 4
head -c 700 /dev/zero | tr '\0' 'x' >"$dir/line4.xml"
touch "$dir/client.conf"
client() { smbclient -s "$dir/client.conf" -p "$port" -N "$@" >/dev/null 2>&1 || true; }
client //127.0.0.1/recipes -m SMB3_11 -c "put $dir/line4.xml line4.xml; get line4.xml $dir/back.xml; rename line4.xml line5.xml; del line5.xml"
client '//127.0.0.1/C$' -m SMB2_02 -c "ls"
client //127.0.0.1/recipes -m NT1 --option='client min protocol=NT1' -c "put $dir/line4.xml old.xml; get old.xml $dir/back1.xml; del old.xml"
client //127.0.0.1/secret -m SMB3_11 -c "ls"
sleep 2
kill "$capture"
capture=
sleep 1
rm -f "$here"/samba-*.txt
for stream in $(tshark -r "$dir/lo.pcap" -T fields -e tcp.stream 2>/dev/null | sort -nu); do
	{
		echo "# Samba's smbd and smbclient over loopback, connection $stream of those that record.sh makes"
		tshark -r "$dir/lo.pcap" -Y "tcp.stream == $stream && tcp.len > 0" -T fields -e tcp.dstport -e tcp.payload 2>/dev/null |
			sed -e "s/^$port	/> /" -e 's/^[0-9]*	/< /'
	} >"$here/samba-$stream.txt"
done
