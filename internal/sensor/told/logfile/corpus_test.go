package logfile_test

import (
	"bytes"
	"cmp"
	"context"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/skanse/skanse/catalog"
	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/dissect/all"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/sensor/told"
	"github.com/skanse/skanse/internal/sensor/told/eve"
	"github.com/skanse/skanse/internal/sensor/told/zeek"
)

func protocols(t testing.TB) *dissect.Set {
	t.Helper()
	names, err := fs.Sub(catalog.Files, "protocols")
	if err != nil {
		t.Fatal(err)
	}
	set, err := dissect.NewSet(all.Protocols(), names)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// heard is what a comparison looks at: who sent, who spoke with whom, and what was said.
type heard struct {
	hosts map[string]bool
	talks map[string]bool   // ends, transport, port, whichever began
	codes map[string]uint64 // protocol, kind, code, direction
	facts map[string]bool
	sums  []*sensor.Summary
}

func newHeard() *heard {
	return &heard{map[string]bool{}, map[string]bool{}, map[string]uint64{}, map[string]bool{}, nil}
}

func (h *heard) take(sum *sensor.Summary) error {
	h.sums = append(h.sums, sum)
	for _, x := range sum.Hosts {
		if x.IP.IsValid() && !x.IP.IsUnspecified() {
			h.hosts[x.IP.Unmap().String()] = true
		}
	}
	for _, f := range sum.Flows {
		if f.Client.IP.IsValid() && (f.Transport == "tcp" || f.Transport == "udp") {
			a, b := f.Client.IP.Unmap().String(), f.Server.IP.Unmap().String()
			h.talks[f.Transport+" "+min(a, b)+" "+max(a, b)] = true
		}
	}
	for _, x := range sum.Tuples {
		if !x.Also {
			h.codes[strings.Join([]string{x.Protocol, x.Kind, cmp.Or(x.Text, itoa(x.Code)), x.Dir}, " ")] += x.Count
		}
	}
	for _, f := range sum.Facts {
		h.facts[f.About.IP.String()+" "+string(f.Attr)+" "+f.Value] = true
	}
	return nil
}

func itoa(n uint32) string { return string(appendUint(nil, n)) }

func appendUint(b []byte, n uint32) []byte {
	if n >= 10 {
		b = appendUint(b, n/10)
	}
	return append(b, byte('0'+n%10))
}

func inspect(t testing.TB, set *dissect.Set, path string) *heard {
	t.Helper()
	src, err := sensor.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	h := newHeard()
	if err := sensor.Run(context.Background(), src, sensor.Config{Sensor: "x", Epoch: "x", Protocols: set}, h.take); err != nil {
		t.Fatal(err)
	}
	return h
}

// tell reads a log. Baselines of tests have X for their times: they get one.
func tell(t testing.TB, set *dissect.Set, raw []byte, name string) *heard {
	t.Helper()
	h := newHeard()
	raw = bytes.ReplaceAll(raw, []byte("XXXXXXXXXX.XXXXXX"), []byte("1700000000.000000"))
	l, err := told.NewLines(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	read, kind := zeek.Read, sensor.ToldZeek
	if eve.Is(l.Head()) {
		read, kind = eve.Read, sensor.ToldSuricata
	}
	if err := read(context.Background(), l, name, told.New(told.Config{Sensor: "x", Epoch: "x", Kind: kind, Protocols: set, Emit: h.take})); err != nil {
		t.Fatal(err)
	}
	return h
}

func corpus(t testing.TB) string {
	t.Helper()
	dir, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	for ; ; dir = filepath.Dir(dir) {
		if c := filepath.Join(dir, "shared", "corpus", "captures"); isDir(c) {
			return c
		}
		if dir == filepath.Dir(dir) {
			t.Skip("the public captures are not in ../shared")
		}
	}
}

func isDir(path string) bool { info, err := os.Stat(path); return err == nil && info.IsDir() }

// TestConn compares what Zeek itself logged of public captures with what our own
// sensor hears in them: the same hosts, the same conversations.
func TestConn(t *testing.T) {
	root, set := corpus(t), protocols(t)
	files, err := filepath.Glob(filepath.Join(root, "*", "*.gt", "*", "conn.log"))
	if err != nil {
		t.Fatal(err)
	}
	deep, err := filepath.Glob(filepath.Join(root, "*", "*.gt", "*", "*", "conn.log"))
	if err != nil {
		t.Fatal(err)
	}
	files = append(files, deep...)
	compared, talks, alone, missing := 0, 0, 0, 0
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		gt := f[:strings.Index(f, ".gt"+string(filepath.Separator))]
		capture := gt + ".pcap"
		if _, err := os.Stat(capture); err != nil {
			capture = gt + ".pcapng"
		}
		info, err := os.Stat(capture)
		if err != nil || info.Size() > 1<<20 || !bytes.Contains(raw, []byte("#fields")) {
			continue // a baseline without its header is no log
		}
		theirs, ours := tell(t, set, raw, "conn.log"), inspect(t, set, capture)
		compared++
		for k := range theirs.talks {
			talks++
			if !ours.talks[k] {
				alone++
				t.Logf("%s: only Zeek names %s", filepath.Base(gt), k)
			}
		}
		for k := range ours.talks {
			if !theirs.talks[k] {
				missing++
				t.Logf("%s: only we name %s", filepath.Base(gt), k)
			}
		}
		for k := range theirs.hosts {
			if !ours.hosts[k] {
				t.Errorf("%s: Zeek says that %s sent, we heard nothing of it", filepath.Base(gt), k)
			}
		}
	}
	t.Logf("%d captures, %d conversations of Zeek, %d that we do not have, %d that Zeek does not have", compared, talks, alone, missing)
	if compared < 30 || alone > 0 || missing*20 > talks {
		t.Errorf("%d captures compared; %d of %d conversations only in Zeek's logs, %d only in ours", compared, alone, talks, missing)
	}
}

// TestCodes compares messages by code where Zeek's and the ICSNPP packages' logs of a
// public capture stand beside it.
func TestCodes(t *testing.T) {
	root, set := corpus(t), protocols(t)
	for _, c := range []struct {
		log, capture string
		few          bool // the log has known gaps: what it names must be there, no more than we count
	}{
		{"modbus/quickdraw-snort__modbus_test_data_part1.gt/automayt-zeek-ICS-pcap/modbus.log", "modbus/quickdraw-snort__modbus_test_data_part1.pcap", true},
		{"s7comm-plus/icsnpp-s7comm__s7comm_plus.gt/btest-icsnpp-s7comm/analyzer.s7comm_plus/s7comm.log", "s7comm-plus/icsnpp-s7comm__s7comm_plus.pcap", false},
		{"s7comm-plus/icsnpp-s7comm__s7comm_plus.gt/btest-icsnpp-s7comm/analyzer.s7comm_plus/s7comm_plus.log", "s7comm-plus/icsnpp-s7comm__s7comm_plus.pcap", false},
		{"bacnet/icsnpp-bacnet__bacnet_segmented_data.gt/btest-icsnpp-bacnet/analyzer.segmented_data/bacnet.log", "bacnet/icsnpp-bacnet__bacnet_segmented_data.pcap", true},
		{"dnp3/zeek__dnp3_select_operate.gt/btest-zeek/scripts.base.protocols.dnp3.dnp3_select_operate/dnp3.log", "dnp3/zeek__dnp3_select_operate.pcap", true},
		{"dnp3/zeek__dnp3_file_write.gt/btest-zeek/scripts.base.protocols.dnp3.dnp3_file_write/dnp3.log", "dnp3/zeek__dnp3_file_write.pcap", true},
	} {
		t.Run(filepath.Base(c.log), func(t *testing.T) {
			raw, err := os.ReadFile(filepath.Join(root, c.log))
			if err != nil {
				t.Fatal(err)
			}
			theirs, ours := tell(t, set, raw, filepath.Base(c.log)), inspect(t, set, filepath.Join(root, c.capture))
			if len(theirs.codes) == 0 {
				t.Fatal("nothing was told")
			}
			protocol := ""
			for _, k := range slices.Sorted(maps.Keys(theirs.codes)) {
				protocol, _, _ = strings.Cut(k, " ")
				n, want := theirs.codes[k], ours.codes[k]
				if n > want || !c.few && n != want {
					t.Errorf("%s: told %d times, heard %d times", k, n, want)
				}
			}
			for k, n := range ours.codes {
				if strings.HasPrefix(k, protocol+" ") && theirs.codes[k] == 0 {
					t.Logf("%s: heard %d times, not told", k, n)
				}
			}
		})
	}
}

func zeekRead(ctx context.Context, l *told.Lines, t *told.Teller) error {
	return zeek.Read(ctx, l, "conn.log", t)
}
