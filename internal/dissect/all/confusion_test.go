package all_test

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// No dissector may claim another's conversation by its first bytes: S7comm,
// MMS and RDP share TPKT, FTP and SMTP share their greeting, and a flow that
// was claimed wrongly hides what it really carried.
func TestNobodyClaimsAnothersConversation(t *testing.T) {
	tried := 0
	for _, owner := range everybody(t) {
		name := owner.Spec().Protocols[0].Name
		for _, file := range goldens(t, folderOf(owner)) {
			transport, first := firstBytes(t, file, owner.Spec())
			if len(first) == 0 || owner.Probe(first[0].dir, first[0].data) == dissect.No {
				continue // a file of another dissector in the same folder (mDNS beside DNS), or one that starts in a gap
			}
			for _, other := range everybody(t) {
				s := other.Spec()
				if s.Protocols[0].Name == name || s.HintOnly || s.Transport&transport == 0 || transport == dissect.Ether {
					continue // Ethernet types are exact
				}
				tried++
				for _, f := range first {
					if other.Probe(f.dir, f.data) == dissect.Yes {
						t.Errorf("%s claims the first bytes of %s", s.Protocols[0].Name, file)
					}
				}
			}
		}
	}
	if tried < 200 {
		t.Errorf("tried %d pairs only; where are the golden conversations?", tried)
	}
}

// folderOf is the folder of a dissector's code, below internal/dissect.
func folderOf(owner dissect.Protocol) string {
	of := reflect.TypeOf(owner)
	if of.Kind() == reflect.Pointer {
		of = of.Elem()
	}
	_, folder, _ := strings.Cut(of.PkgPath(), "/internal/dissect/")
	return folder
}

// goldens lists the golden conversations that stand with a dissector's code.
func goldens(t *testing.T, folder string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", folder, "testdata", "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden conversations of %s: %v", folder, err)
	}
	return files
}

type segment struct {
	dir  ot.Dir
	data []byte
}

// firstBytes reads the first segment of either side out of a golden
// conversation; package dissecttest describes the format.
func firstBytes(t *testing.T, file string, spec dissect.Spec) (dissect.Transport, []segment) {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	transport := dissect.Ether
	if spec.Transport&dissect.UDP != 0 {
		transport = dissect.UDP
	}
	if spec.Transport&dissect.TCP != 0 {
		transport = dissect.TCP
	}
	var segments []segment
	for _, line := range strings.Split(string(raw), "\n") {
		switch {
		case strings.HasPrefix(line, "transport "):
			transport = map[string]dissect.Transport{"tcp": dissect.TCP, "udp": dissect.UDP, "ether": dissect.Ether}[strings.TrimSpace(line[10:])]
		case strings.HasPrefix(line, "gap"):
			return transport, nil
		case strings.HasPrefix(line, "> "):
			segments = append(segments, segment{ot.Request, bytesOf(t, line[2:])})
		case strings.HasPrefix(line, "< "):
			segments = append(segments, segment{ot.Response, bytesOf(t, line[2:])})
		case strings.HasPrefix(line, "  ") && len(segments) > 0:
			last := &segments[len(segments)-1]
			last.data = append(last.data, bytesOf(t, line)...)
		}
	}
	var first []segment
	seen := map[ot.Dir]bool{}
	for _, s := range segments {
		if !seen[s.dir] {
			seen[s.dir] = true
			first = append(first, s)
		}
	}
	return transport, first
}

func bytesOf(t *testing.T, s string) []byte {
	t.Helper()
	var out []byte
	for s = strings.TrimSpace(s); s != "" && s[0] != '#'; s = strings.TrimSpace(s) {
		if s[0] == '"' {
			quoted, err := strconv.QuotedPrefix(s)
			if err != nil {
				t.Fatal(err)
			}
			text, err := strconv.Unquote(quoted)
			if err != nil {
				t.Fatal(err)
			}
			out, s = append(out, text...), s[len(quoted):]
			continue
		}
		word, _, _ := strings.Cut(s, " ")
		word, _, _ = strings.Cut(word, "\"")
		b, err := hex.DecodeString(word)
		if err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		out, s = append(out, b...), s[len(word):]
	}
	return out
}
