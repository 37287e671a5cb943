package app

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
)

// programBudget is what one inspect may hold of programs that it writes out: an eighth of it for one.
const programBudget = 512 << 20

type programJSON struct {
	Protocol string `json:"protocol"`
	Kind     string `json:"kind"`
	Name     string `json:"name"`
	From     string `json:"from"`
	To       string `json:"to"`
	Packet   uint64 `json:"packet"`
	Ended    string `json:"ended"`
	Size     uint64 `json:"size"`
	SHA256   string `json:"sha256,omitempty"`
	Missing  string `json:"missing,omitempty"`
}

// ends are who gave a program to whom.
func programEnds(p *sensor.Program) (from, to ot.Host) {
	if p.Up {
		return p.Flow.Server, p.Flow.Client
	}
	return p.Flow.Client, p.Flow.Server
}

func (r *report) programsJSON() []programJSON {
	var out []programJSON
	for i := range r.sum.Programs {
		p := &r.sum.Programs[i]
		from, to := programEnds(p)
		out = append(out, programJSON{
			Protocol: p.Protocol, Kind: p.Kind, Name: p.Name, From: endText(from), To: endText(to), Packet: p.Ref.Number,
			Ended: time.Unix(0, p.Ended).UTC().Format(time.RFC3339Nano), Size: p.Size, SHA256: p.SHA256, Missing: p.Missing,
		})
	}
	return out
}

func endText(h ot.Host) string {
	if h.IP.IsValid() {
		return h.IP.String()
	}
	return h.MAC.String()
}

// programsText lists blocks and files that others transferred.
func (r *report) programsText(w io.Writer) {
	all := r.sum.Programs
	if len(all) == 0 {
		return
	}
	fmt.Fprintln(w, "\nPrograms that passed by")
	t := tabwriter.NewWriter(w, 2, 8, 2, ' ', 0)
	fmt.Fprintln(t, "  FROM\tTO\tWHAT\tBYTES\tSHA-256\tPACKET")
	for i := range all[:min(len(all), r.most(shownPrograms))] {
		p := &all[i]
		from, to := programEnds(p)
		sum := p.Missing
		if p.SHA256 != "" {
			sum = p.SHA256[:16]
		}
		fmt.Fprintf(t, "  %s\t%s\t%s\t%s\t%s\t%d\n", endText(from), endText(to), clip(cmp.Or(p.Name, p.Kind)+", "+p.Protocol, 48), grouped(p.Size), clip(sum, 40), p.Ref.Number)
	}
	t.Flush()
	r.more(w, len(all), shownPrograms)
}

const shownPrograms = 6

// writePrograms writes what passed by whole into a folder, named by packet, name and hash.
func (r *report) writePrograms(dir string, w io.Writer) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the folder for programs: %w", err)
	}
	written, not := 0, 0
	for i := range r.sum.Programs {
		p := &r.sum.Programs[i]
		if p.Content == nil {
			if p.SHA256 == "" || p.Without != "" {
				not++
			}
			continue
		}
		name := fmt.Sprintf("%d-%s-%s", p.Ref.Number, fileName(p.Name), p.SHA256[:12])
		if err := os.WriteFile(filepath.Join(dir, name), p.Content, 0o600); err != nil {
			return fmt.Errorf("write a program: %w", err)
		}
		written++
	}
	fmt.Fprintf(w, "%s: %s written, %d not whole or too big.\n", ot.Printable(dir), many(written, "program"), not)
	return nil
}

// fileName makes a name that no file system takes for anything else: what was on the wire may be "../../etc/passwd".
func fileName(s string) string {
	s = s[strings.LastIndexAny(s, `/\:`)+1:]
	s = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '-', r == '_':
			return r
		}
		return '_'
	}, s)
	s = strings.TrimLeft(s, ".")
	return cmp.Or(s[:min(len(s), 80)], "program")
}
