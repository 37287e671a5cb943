package syslog

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Lines as the two RFCs print them, and as products send them, with what they say.
func TestParse(t *testing.T) {
	received := time.Date(2026, 1, 1, 0, 0, 10, 0, time.UTC)
	cet := time.FixedZone("", 3600)
	for raw, want := range map[string]Line{
		"<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - \xef\xbb\xbf'su root' failed for lonvick on /dev/pts/8": { // RFC 5424, 6.5
			4, 2, time.Date(2003, 10, 11, 22, 14, 15, 3e6, time.UTC), "mymachine.example.com", "su", "", "ID47", "", "'su root' failed for lonvick on /dev/pts/8",
		},
		`<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - [exampleSDID@32473 iut="3" eventSource="Ap\]p"][x@1 a="]"] %% It's time`: {
			20, 5, time.Date(2003, 8, 24, 12, 14, 15, 3000, time.UTC), "192.0.2.1", "myproc", "8710", "", `[exampleSDID@32473 iut="3" eventSource="Ap\]p"][x@1 a="]"]`, "%% It's time",
		},
		"<165>1 - - - - - -": {Facility: 20, Severity: 5},
		"<34>Dec 31 23:59:59 mymachine su[42]: 'su root' failed": {4, 2, time.Date(2025, 12, 31, 22, 59, 59, 0, time.UTC), "mymachine", "su", "42", "", "", "'su root' failed"}, // of last year, an hour east
		"<13>Jan  1 01:00:09 hmi1 skanse: still there\n":         {1, 5, time.Date(2026, 1, 1, 0, 0, 9, 0, time.UTC), "hmi1", "skanse", "", "", "", "still there"},
		"<189>29: *Jan  1 01:00:05.123: %SYS-5-CONFIG_I: Configured from console": {
			23, 5, time.Date(2026, 1, 1, 0, 0, 5, 123e6, time.UTC), "", "", "", "", "", "%SYS-5-CONFIG_I: Configured from console",
		},
		"<189>30: sw-hall-2: Jan  1 2026 00:00:06.001 UTC: %LINK-3-UPDOWN: Gi1/0/4 down": {
			23, 5, time.Date(2026, 1, 1, 0, 0, 6, 1e6, time.UTC), "sw-hall-2", "", "", "", "", "%LINK-3-UPDOWN: Gi1/0/4 down",
		},
		"<166>Jan 01 2026 01:00:07: %ASA-6-302013: Built inbound TCP connection": {
			20, 6, time.Date(2026, 1, 1, 0, 0, 7, 0, time.UTC), "", "", "", "", "", "%ASA-6-302013: Built inbound TCP connection",
		},
		"<30>2026-01-01T01:00:08.5+01:00 gw1 sshd[7]: Accepted": {3, 6, time.Date(2026, 1, 1, 0, 0, 8, 5e8, time.UTC), "gw1", "sshd", "7", "", "", "Accepted"},
		"<189>date=2026-01-01 time=00:00:01 devname=\"fw1\"":    {Facility: 23, Severity: 5, Text: "date=2026-01-01 time=00:00:01 devname=\"fw1\""},
		"no priority at all": {Facility: -1, Severity: -1, Text: "no priority at all"},
		"<999>x":             {Facility: -1, Severity: -1, Text: "<999>x"},
		"":                   {Facility: -1, Severity: -1},
	} {
		got := Parse(raw, received, cet)
		if !got.Told.Equal(want.Told) {
			t.Errorf("%q: told %v, want %v", raw, got.Told, want.Told)
		}
		got.Told = want.Told
		if got != want {
			t.Errorf("%q:\n got %#v\nwant %#v", raw, got, want)
		}
	}
}

func lines(t *testing.T, in string) (out []string, err error) {
	t.Helper()
	r := NewReader(strings.NewReader(in))
	for {
		line, _, err := r.Next()
		if err != nil {
			return out, err
		}
		out = append(out, string(line))
	}
}

func TestFrames(t *testing.T) {
	got, err := lines(t, "5 <1>ab<2>one\r\n\n<3>two\n7 <4>x\nyz<5>last")
	if !errors.Is(err, io.EOF) || strings.Join(got, "|") != "<1>ab|<2>one\r|<3>two|<4>x\nyz|<5>last" {
		t.Errorf("%q %v", got, err)
	}
	if _, err := lines(t, "123456789 x"); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("a length without end is taken: %v", err)
	}
	if _, err := lines(t, "9 <1>ab"); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a torn line: %v", err)
	}
	for _, frame := range []string{strconv.Itoa(MaxLine+10) + " ", ""} {
		r := NewReader(strings.NewReader(frame + "<" + strings.Repeat("x", MaxLine+9) + "\n5 <6>ok"))
		long, cut, err := r.Next()
		if err != nil || !cut || len(long) != MaxLine {
			t.Errorf("%q: %d bytes, cut %v, %v", frame, len(long), cut, err)
		}
		if next, _, err := r.Next(); err != nil || string(next) != "<6>ok" {
			t.Errorf("%q: behind it %q %v", frame, next, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("<34>1 2003-10-11T22:14:15.003Z host su 1 ID47 [a@1 b=\"c\"] text"))
	f.Add([]byte("12 <34>Oct 11 22:14:15 mymachine su: x"))
	received := time.Date(2026, 1, 1, 0, 0, 10, 0, time.UTC)
	f.Fuzz(func(t *testing.T, b []byte) {
		l := Parse(string(b), received, time.UTC)
		if n := len(l.Host) + len(l.App) + len(l.Text) + len(l.Data); n > len(b) {
			t.Fatalf("%d bytes out of %d", n, len(b))
		}
		if y := l.Told.Year(); y > 9999 {
			t.Fatal(y)
		}
		r := NewReader(bytes.NewReader(b))
		for range len(b) + 1 {
			if _, _, err := r.Next(); err != nil {
				return
			}
		}
		t.Fatal("more lines than bytes")
	})
}
