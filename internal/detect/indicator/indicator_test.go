package indicator

import (
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/ot"
)

func read(t *testing.T, name string) Read {
	t.Helper()
	raw, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	r, err := Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func values(r Read) []string {
	var out []string
	for _, i := range r.Items {
		out = append(out, i.Kind+" "+i.Value)
	}
	return out
}

func TestSTIX(t *testing.T) {
	r := read(t, "bundle.json")
	want := []string{
		"file ef537f25c895bfa782526529a9b63d97aa631564d5d789c2b765448c8635fb6c", "address 198.51.100.7", "address 203.0.113.0/24", "domain evil.example", "domain worse.example", "domain c2.example",
	}
	if r.Format != "stix" || r.Source != "The Example CERT" || !slices.Equal(values(r), want) {
		t.Errorf("%s from %q: %v", r.Format, r.Source, values(r))
	}
	if !r.Items[1].Until.Equal(time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)) || r.Items[0].Title != "File hash for Poison Ivy variant" || !strings.HasPrefix(r.Items[0].Ref, "indicator--") {
		t.Errorf("%+v", r.Items[:2])
	}
	for _, why := range []string{
		"revoked by its source", "a pattern of several things at once (AND)", "a pattern with a time (WITHIN)", "a comparison by !=", "a pattern that is not one of STIX: yara",
		"an address of no use: private, loopback, multicast or unspecified", "an object path that cannot be seen on a network: windows-registry-key:key", "a URL with a path: its host alone would meet too much",
	} {
		if r.Left[why] != 1 {
			t.Errorf("left: %q %d times of %v", why, r.Left[why], r.Left)
		}
	}
}

func TestMISP(t *testing.T) {
	r := read(t, "event.json")
	want := []string{"address 198.51.100.23", "address 198.51.100.24", "domain drop.example", "address 203.0.113.9", "domain site.example", "file 44d88612fea8a8f36de82e1278abb02f", "file 275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f"}
	if r.Format != "misp" || r.Source != "CIRCL: A campaign against pumps" || !slices.Equal(values(r), want) {
		t.Errorf("%s from %q: %v", r.Format, r.Source, values(r))
	}
	if r.Left["not meant for detection (to_ids)"] != 1 || r.Left["deleted by its source"] != 2 || r.Left["an attribute of a type that cannot be seen on a network: mutex"] != 1 {
		t.Errorf("left: %v", r.Left)
	}
}

func TestList(t *testing.T) {
	r, err := Parse([]byte("# of the sector\r\n198.51.100.7, a scanner\nbad.example\n275A021BBFB6489E54D471899F7DB9D1663FC695EC2FE2A2C4538AABF651FD0F  eicar.com\n10.0.0.1\nnothing\n0.0.0.0/0\n"))
	if err != nil || !slices.Equal(values(r), []string{"address 198.51.100.7", "domain bad.example", "file 275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f"}) || r.Items[0].Title != "a scanner" || r.Items[2].Title != "eicar.com" || r.Left[errPlant.Error()] != 1 || r.Left[errWide.Error()] != 1 {
		t.Errorf("%+v %v", r, err)
	}
	for _, bad := range []string{"", "{", "[1", "{}", `{"type":"report"}`, "nothing\nhere\n", "\x00\xff"} {
		if _, err := Parse([]byte(bad)); ot.CodeOf(err) != ot.Invalid {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestSet(t *testing.T) {
	s := NewSet([]Indicator{{Kind: Address, Value: "198.51.100.7"}, {Kind: Address, Value: "203.0.113.0/24"}, {Kind: Address, Value: "203.0.113.128/25", Title: "narrow"}, {Kind: Address, Value: "2001:db8::/32"}, {Kind: Domain, Value: "bad.example"}, {Kind: File, Value: "ab"}})
	for a, want := range map[string]bool{"198.51.100.7": true, "::ffff:198.51.100.7": true, "198.51.100.8": false, "203.0.113.1": true, "203.0.114.1": false, "2001:db8:1::1": true, "2001:db9::1": false} {
		if _, ok := s.Address(netip.MustParseAddr(a)); ok != want {
			t.Errorf("%s: %v", a, ok)
		}
	}
	if i, _ := s.Address(netip.MustParseAddr("203.0.113.200")); i.Title != "narrow" {
		t.Error("the wider prefix was found")
	}
	for n, want := range map[string]bool{"bad.example": true, "www.BAD.example.": true, "www.bad.example:8080": true, "notbad.example": false, "example": false, "": false} {
		if _, ok := s.Domain(n); ok != want {
			t.Errorf("%q: %v", n, ok)
		}
	}
	if _, ok := s.File("AB"); !ok {
		t.Error("a hash is not found")
	}
	var none *Set
	if _, ok := none.Domain("a.b"); ok || none.Len() != 0 {
		t.Error("no set finds something")
	}
}

// FuzzParse reads files as a person may import them: nothing panics, and what is taken is
// in its usual form, which taking it again does not change.
func FuzzParse(f *testing.F) {
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := Parse(raw)
		if err != nil {
			return
		}
		for _, i := range r.Items {
			if again, err := Normal(i.Kind, i.Value); err != nil || again != i.Value {
				t.Fatalf("%+v is not in its usual form: %q, %v", i, again, err)
			}
			if len(i.Title) > maxTitle || ot.Printable(i.Title) != i.Title {
				t.Fatalf("%q is no title", i.Title)
			}
		}
		NewSet(r.Items)
	})
}
