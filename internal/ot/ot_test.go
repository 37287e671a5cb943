package ot_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/skanse/skanse/internal/ot"
)

func TestPrintable(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"plain", "CPU 315-2 PN/DP", "CPU 315-2 PN/DP"},
		{"padding", "6ES7 315\x00\x00\x00", "6ES7 315"},
		{"letters of Europe", "Gdańsk Ærø Ż", "Gdańsk Ærø Ż"},
		{"a terminal's escape", "\x1b[2Jgone", "\ufffd[2Jgone"},
		{"C1 control", "a\u009bb", "a\ufffdb"},
		{"lines", "one\r\ntwo\tthree", "one  two three"},
		{"right to left override", "exe\u202egpj", "exe\ufffdgpj"},
		{"bad UTF-8", "a\xffb", "a\ufffdb"},
		{"line separator", "a\u2028b", "a\ufffdb"},
		{"nothing", "", ""},
	} {
		if got := ot.Printable(c.in); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func FuzzPrintable(f *testing.F) {
	for _, s := range []string{"", "Pump 1", "\x1b]0;title\x07", "a\x00b\x00", "\xff\xfe", "\u202e\u2066x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := ot.Printable(s)
		if !utf8.ValidString(got) {
			t.Fatalf("%q became bad UTF-8: %q", s, got)
		}
		if i := strings.IndexFunc(got, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }); i >= 0 {
			t.Fatalf("%q keeps a control character at %d: %q", s, i, got)
		}
		if again := ot.Printable(got); again != got {
			t.Fatalf("not stable: %q, then %q", got, again)
		}
	})
}

func TestMAC(t *testing.T) {
	var m ot.MAC
	if err := m.UnmarshalText([]byte("00-1B-1B-2a-91-04")); err != nil || m.String() != "00:1b:1b:2a:91:04" {
		t.Fatalf("%v, %v", m, err)
	}
	if m.Group() || m.Local() || m.OUI() != [3]byte{0, 0x1b, 0x1b} {
		t.Errorf("%v is taken for a group or local address", m)
	}
	if !(ot.MAC{1, 0x80, 0xc2}).Group() || !(ot.MAC{2}).Local() {
		t.Error("group and local bits are not read")
	}
	if err := m.UnmarshalText([]byte("00:00:00:00:fe:80:00:00:00:00:00:00:02:00:5e:10:00:00:00:01")); err == nil {
		t.Error("an InfiniBand address is taken for a MAC")
	}
	b, err := json.Marshal(ot.Host{})
	if err != nil || string(b) != "{}" {
		t.Errorf("nobody is written as %s, %v", b, err)
	}
}

func TestClasses(t *testing.T) {
	for i, name := range ot.ClassNames {
		c := ot.ParseClass(name)
		if c != 1<<i || c.String() != name {
			t.Errorf("%s is bit %b and reads back as %q", name, c, c)
		}
	}
	if ot.ParseClass("programme") != 0 || ot.Class(0).String() != "" {
		t.Error("a class that does not exist has a value")
	}
	if ot.Rare&(ot.Read|ot.Write|ot.Cyclic|ot.Diagnose) != 0 || ot.Rare&ot.ProgramDownload == 0 {
		t.Error("Rare holds what belongs to a plant's cycle, or lacks what does not")
	}
}

func TestErrors(t *testing.T) {
	err := fmt.Errorf("open the vault: %w", ot.Errorf(ot.Full, "no room under %s: %w", "/data", fs.ErrPermission))
	if ot.CodeOf(err) != ot.Full || !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "no room under /data") {
		t.Errorf("%v has code %q", err, ot.CodeOf(err))
	}
	if ot.CodeOf(errors.New("x")) != ot.Internal || ot.CodeOf(nil) != "" {
		t.Error("an unknown error is not internal, or none has a code")
	}
}

func TestDir(t *testing.T) {
	for _, d := range []ot.Dir{ot.DirNone, ot.Request, ot.Response} {
		if d.Reverse().Reverse() != d {
			t.Errorf("%v turned twice is %v", d, d.Reverse().Reverse())
		}
	}
	if ot.Request.Reverse() != ot.Response || ot.DirNone.String() != "" || ot.Response.String() != "response" {
		t.Error("directions are mixed up")
	}
}
