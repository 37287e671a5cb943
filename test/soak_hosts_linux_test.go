package test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// manyHosts writes a capture in which n addresses, each with a network card of its own,
// announce themselves by ARP and ask one server something.
func manyHosts(t *testing.T, file string, n int) {
	t.Helper()
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<20)
	defer w.Flush()
	w.Write([]byte{0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0})
	at := time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC).UnixMicro()
	server := []byte{0x00, 0x80, 0xf4, 0xff, 0, 1}
	b := make([]byte, 0, 128)
	frame := func(f []byte) {
		at += 300
		b = binary.LittleEndian.AppendUint32(b[:0], uint32(at/1e6))
		b = binary.LittleEndian.AppendUint32(b, uint32(at%1e6))
		b = binary.LittleEndian.AppendUint32(b, uint32(len(f)))
		b = binary.LittleEndian.AppendUint32(b, uint32(len(f)))
		w.Write(append(b, f...))
	}
	for i := range n {
		mac, ip := []byte{0x00, 0x1b, 0x1b, byte(i >> 16), byte(i >> 8), byte(i)}, []byte{10, byte(i >> 16), byte(i >> 8), byte(i)}
		frame(bytes.Join([][]byte{{255, 255, 255, 255, 255, 255}, mac, {8, 6, 0, 1, 8, 0, 6, 4, 0, 1}, mac, ip, {0, 0, 0, 0, 0, 0}, {172, 16, 0, 1}, make([]byte, 18)}, nil))
		frame(bytes.Join([][]byte{server, mac, {8, 0, 0x45, 0, 0, 40, byte(i >> 8), byte(i), 0, 0, 64, 6, 0, 0}, ip, {172, 16, 0, 1, 0xc3, 0x50, 1, 0xf6, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 16, 0, 0, 0, 0, 0}, make([]byte, 6)}, nil))
	}
}

// TestSoakMillionHosts reads a capture of a million addresses: in at most a gigabyte, and
// with a word about what there was no room for.
func TestSoakMillionHosts(t *testing.T) {
	if os.Getenv("SKANSE_SOAK") == "" {
		t.Skip("a long run by hand: SKANSE_SOAK=1, or make soak")
	}
	const hosts = 1_000_000
	file := filepath.Join(t.TempDir(), "million.pcap")
	manyHosts(t, file, hosts)
	cmd := exec.Command(program(t), "inspect", "--json", file)
	cmd.Stderr = os.Stderr
	raw, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Packets uint64
		Hosts   []json.RawMessage
		Dropped map[string]uint64
	}
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		t.Fatal("no resource usage")
	}
	peak := usage.Maxrss >> 10
	t.Logf("%d packets, %d hosts told, not kept: %v; %s CPU, at most %d MiB resident", got.Packets, len(got.Hosts), got.Dropped, cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime(), peak)
	if got.Packets != 2*hosts || len(got.Hosts) == 0 {
		t.Errorf("%d packets, %d hosts", got.Packets, len(got.Hosts))
	}
	if len(got.Hosts) < hosts && got.Dropped["hosts"] == 0 {
		t.Error("hosts are missing and nothing says so")
	}
	if peak > 1<<10 {
		t.Errorf("%d MiB resident, at most 1024", peak)
	}
}
