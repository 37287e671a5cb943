package app

import (
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/skanse/skanse/internal/ot"
)

// halts are the names of messages that stop or restart a device.
var halts = regexp.MustCompile(`(?i)\b(plc stop|stop plc|stop application|cold restart|warm restart|reinitializedevice|remote stop|remote reset)\b`)

// On the public captures every program transfer, every stop and restart, and every write of
// a second master is raised, whoever sent it to whom.
func TestCapturesAreRaised(t *testing.T) {
	root := "../../../shared/corpus/captures"
	found, err := fs.Glob(os.DirFS(root), "*/*.pcap*")
	if err != nil {
		t.Fatal(err)
	}
	if len(found) == 0 {
		t.Skip("the public captures are not here")
	}
	in, err := newInspector(Folder(t.TempDir()), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	transfers, stops, masters := 0, 0, 0
	for _, f := range found {
		if st, err := os.Stat(filepath.Join(root, f)); err != nil || st.Size() > 4<<20 {
			continue
		}
		r, err := in.read(t.Context(), filepath.Join(root, f), &InspectCmd{Cores: 1})
		if err != nil {
			continue // what cannot be read is other tests' matter
		}
		raised := map[string]bool{}
		for _, a := range r.alerts() {
			raised[a.rule.ID+"|"+a.client.IP.String()+a.client.MAC.String()+"|"+a.server.IP.String()+a.server.MAC.String()] = true
			raised[a.rule.ID+"|"+a.client.IP.String()+"|"+a.server.IP.String()] = true
		}
		writers := map[string][]string{}
		for i := range r.sum.Tuples {
			x := &r.sum.Tuples[i]
			if x.Also || x.Dir != "request" {
				continue
			}
			ends := "|" + x.Flow.Client.IP.String() + "|" + x.Flow.Server.IP.String()
			is := func(ids ...string) bool {
				return slices.ContainsFunc(ids, func(id string) bool { return raised[id+ends] })
			}
			switch class := ot.ParseClass(x.Class); {
			case class == ot.ProgramDownload || class == ot.ProgramUpload || class == ot.Firmware:
				transfers++
				if !is("program-download", "program-upload", "firmware-change", "program-deleted", "safety-controller-touched") {
					t.Errorf("%s: %s %s (%s) by %s is not raised", f, x.Protocol, x.Name, x.Class, ends)
				}
			case class == ot.Control && halts.MatchString(x.Name):
				stops++
				if !is("controller-stop", "controller-restart", "controller-mode", "communication-disabled") {
					t.Errorf("%s: %s %s by %s is not raised", f, x.Protocol, x.Name, ends)
				}
			case class == ot.Write && (x.Protocol == "modbus" || x.Protocol == "s7comm" || x.Protocol == "dnp3") && x.Flow.Server.IP.IsValid() && !x.Flow.Server.IP.IsMulticast():
				at := x.Protocol + "|" + x.Flow.Server.IP.String()
				if who := x.Flow.Client.IP.String(); !slices.Contains(writers[at], who) {
					writers[at] = append(writers[at], who)
				}
			}
		}
		for at, list := range writers {
			server := at[strings.IndexByte(at, '|')+1:]
			n := 0
			for _, client := range list {
				if raised["new-master|"+client+"|"+server] {
					n++
				}
			}
			masters += len(list) - 1
			if n < len(list)-1 {
				t.Errorf("%s: %d stations write to %s, %d of them are raised as new", f, len(list), at, n)
			}
		}
	}
	t.Logf("%d captures: %d kinds of transfers, %d of stops and restarts, %d second masters", len(found), transfers, stops, masters)
	if transfers < 20 || stops < 5 || masters < 1 {
		t.Errorf("only %d transfers, %d stops %d second masters were looked at", transfers, stops, masters)
	}
}
