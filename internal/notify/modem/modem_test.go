//go:build linux

package modem_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/notify/modem"
	"github.com/skanse/skanse/internal/notify/modem/modemtest"
)

func quick() modem.Config {
	return modem.Config{Answer: 2 * time.Second, Network: 5 * time.Second}
}

func start(t *testing.T, sim *modemtest.Sim, cfg modem.Config) (*modem.Modem, error) {
	t.Helper()
	port, err := modem.Open(sim.Path, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = port.Close() })
	return modem.Start(t.Context(), port, cfg, 7)
}

func texts() map[string]string {
	return map[string]string{
		"short":             "Filter hall: a new device",
		"danish":            "Nyt udstyr på Ærø: blæser {3} [kælder] ~ 5 €",
		"polish":            "Pompa w hali: zażółć gęślą jaźń",
		"emoji":             "Pump 7 🚱 stopped",
		"exactly 160":       strings.Repeat("a", 160),
		"161":               strings.Repeat("a", 150) + "bcdefghijkl",
		"exactly 70 wide":   strings.Repeat("ż", 70),
		"71 wide":           strings.Repeat("ż", 71),
		"long":              strings.Repeat("Line 4 was stopped. ", 25),
		"escape at the cut": strings.Repeat("a", 152) + "€" + strings.Repeat("b", 60),
		"pair at the cut":   strings.Repeat("ż", 66) + "🚱" + strings.Repeat("b", 40),
		"lines":             "Two\nlines",
	}
}

func TestSend(t *testing.T) {
	sim := modemtest.New(t)
	sim.PIN, sim.Searches, sim.Noise = "1234", 2, true
	cfg := quick()
	cfg.PIN = "1234"
	m, err := start(t, sim, cfg)
	if err != nil {
		t.Fatal(err)
	}
	st, err := m.Status(t.Context())
	if err != nil || st != (modem.Status{Model: "SIMULATED 1", Operator: "SIM NET", DBm: -79}) {
		t.Errorf("status %+v, %v", st, err)
	}
	for name, text := range texts() {
		for _, number := range []string{"+4520123456", "112", "20123456789"} {
			n, err := m.Send(t.Context(), number, text)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			all := sim.Messages()
			got := all[len(all)-1]
			if got.Text != text || got.Number != number || got.Parts != n {
				t.Errorf("%s to %s: %d parts, arrived as %+v", name, number, n, got)
			}
		}
	}
	if n, err := m.Send(t.Context(), "112", strings.Repeat("endless ", 200)); err != nil || n != 4 {
		t.Errorf("too long: %d, %v", n, err)
	}
	all := sim.Messages()
	if got := all[len(all)-1].Text; !strings.HasPrefix(got, "endless endless") || !strings.HasSuffix(got, "...") || len(got) < 590 {
		t.Errorf("cut to %d: %q", len(got), got)
	}
}

func TestTextMode(t *testing.T) {
	sim := modemtest.New(t)
	sim.NoPDU = true
	if _, err := start(t, sim, quick()); err == nil || !strings.Contains(err.Error(), "303") {
		t.Errorf("PDU mode on a modem without: %v", err)
	}
	cfg := quick()
	cfg.TextMode = true
	m, err := start(t, sim, cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"Filter hall: a new device", "På Ærø: 5 €", "Ξ is Ctrl-Z in this alphabet"} {
		if _, err := m.Send(t.Context(), "+4520123456", text); err != nil {
			t.Fatal(err)
		}
		all := sim.Messages()
		got := all[len(all)-1]
		if strings.ContainsAny(text, "ÆΞ") && got.Text != text || got.Number != "+4520123456" {
			t.Errorf("%q arrived as %+v", text, got)
		}
	}
	n, err := m.Send(t.Context(), "112", strings.Repeat("Line 4 was stopped. ", 12))
	all := sim.Messages()
	if err != nil || n != 2 || !strings.HasPrefix(all[len(all)-1].Text, "(2/2) ") || len(all[len(all)-2].Text) != 160 {
		t.Errorf("%d messages, %v: %+v", n, err, all[len(all)-2:])
	}
}

func TestRefusals(t *testing.T) {
	t.Run("a wrong PIN is tried once", func(t *testing.T) {
		sim := modemtest.New(t)
		sim.PIN = "1234"
		cfg := quick()
		cfg.PIN = "0000"
		if _, err := start(t, sim, cfg); !errors.Is(err, modem.ErrPIN) || !strings.Contains(err.Error(), "the PIN is wrong") {
			t.Errorf("%v", err)
		}
		sim.Lock()
		defer sim.Unlock()
		if sim.Tries != 1 {
			t.Errorf("tried %d times", sim.Tries)
		}
	})
	t.Run("no PIN set", func(t *testing.T) {
		sim := modemtest.New(t)
		sim.PIN = "1234"
		if _, err := start(t, sim, quick()); !errors.Is(err, modem.ErrPIN) || sim.Tries != 0 {
			t.Errorf("%v", err)
		}
	})
	t.Run("PUK", func(t *testing.T) {
		sim := modemtest.New(t)
		sim.Locked = true
		cfg := quick()
		cfg.PIN = "1234"
		if _, err := start(t, sim, cfg); !errors.Is(err, modem.ErrPIN) || sim.Tries != 0 || !strings.Contains(err.Error(), "PUK") {
			t.Errorf("%v", err)
		}
	})
	t.Run("no network", func(t *testing.T) {
		sim := modemtest.New(t)
		sim.Searches = 1000
		cfg := quick()
		cfg.Network = 300 * time.Millisecond
		if _, err := start(t, sim, cfg); err == nil || !strings.Contains(err.Error(), "no network") {
			t.Errorf("%v", err)
		}
	})
	t.Run("deaf", func(t *testing.T) {
		sim := modemtest.New(t)
		sim.Deaf = true
		cfg := quick()
		cfg.Answer = 200 * time.Millisecond
		if _, err := start(t, sim, cfg); err == nil || !strings.Contains(err.Error(), "does not answer AT") {
			t.Errorf("%v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		port, err := modem.Open(sim.Path, 0)
		if err == nil {
			_, err = modem.Start(ctx, port, quick(), 0)
			_ = port.Close()
		}
		if err == nil {
			t.Error("a modem that says nothing")
		}
	})
	t.Run("errors of the network, then it works", func(t *testing.T) {
		sim := modemtest.New(t)
		m, err := start(t, sim, quick())
		if err != nil {
			t.Fatal(err)
		}
		sim.Lock()
		sim.Fail = []string{"+CMS ERROR: 42", "+CMS ERROR: 9999", "+CMS ERROR: SIM busy", "ERROR"}
		sim.Unlock()
		for _, want := range []string{"the network is congested (+CMS ERROR: 42)", "9999", "SIM busy", "answers ERROR"} {
			if n, err := m.Send(t.Context(), "112", "x"); err == nil || n != 0 || !strings.Contains(err.Error(), want) {
				t.Errorf("%d, %v; want %q", n, err, want)
			}
		}
		if _, err := m.Send(t.Context(), "112", "x"); err != nil {
			t.Error(err)
		}
	})
	t.Run("no port", func(t *testing.T) {
		plain := filepath.Join(t.TempDir(), "x")
		if err := os.WriteFile(plain, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{plain, "/dev/../etc/passwd", "/dev/null", "/dev/no-such"} {
			if _, err := modem.Open(path, 0); err == nil {
				t.Errorf("%s opened", path)
			}
		}
		if _, err := modem.Open("/dev/null", 1234); err == nil {
			t.Error("1234 baud")
		}
	})
}

// Gammu is an independent writer of messages: what it gives the modem for a text is
// what the driver gives, but for the reference and the period that it asks for.
func TestAsGammu(t *testing.T) {
	t.Parallel()
	gammu, err := exec.LookPath("gammu")
	if err != nil {
		if slices.Contains(strings.Split(os.Getenv("SKANSE_REQUIRE"), ","), "gammu") {
			t.Fatal(err)
		}
		t.Skip("gammu is not installed")
	}
	for text, more := range map[string][]string{
		strings.Repeat("Line 4 [halt] was stopped. ", 12): {"-len", "400"}, strings.Repeat("zażółć ", 20): {"-unicode", "-len", "400"},
	} {
		t.Run(text[:6], func(t *testing.T) { t.Parallel(); asGammu(t, gammu, text, more) })
	}
}

func asGammu(t *testing.T, gammu, text string, more []string) {
	sim := modemtest.New(t)
	rc := filepath.Join(t.TempDir(), "gammurc")
	if err := os.WriteFile(rc, []byte("[gammu]\ndevice = "+sim.Path+"\nconnection = at115200\nmodel = at\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, gammu, append([]string{"-c", rc, "sendsms", "TEXT", "+4520123456", "-text", text}, more...)...)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	if out, err := cmd.CombinedOutput(); err != nil {
		sim.Lock()
		t.Fatalf("gammu: %v\n%s\n%q", err, out, sim.Commands)
	}
	m, err := start(t, sim, quick())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Send(t.Context(), "+4520123456", text); err != nil {
		t.Fatal(err)
	}
	all := sim.Messages()
	theirs, ours := all[0], all[len(all)-1]
	if len(all) != 2 || theirs.Text != text || ours.Text != text || ours.Parts != theirs.Parts {
		t.Fatalf("theirs %+v, ours %+v", theirs, ours)
	}
	for i := range ours.PDU {
		if a, b := payload(ours.PDU[i]), payload(theirs.PDU[i]); a != b {
			t.Errorf("part %d:\nours   %s\ntheirs %s", i+1, a, b)
		}
	}
}

// payload is a PDU from the number on, without reference, validity and the number of a joined message.
func payload(pdu string) string {
	centre := strings.Index(pdu, "0A91")
	if centre < 0 {
		return pdu
	}
	rest := pdu[centre:]
	const number, codes = 14, 4 // length, type, 5 octets; protocol and coding
	head, body := rest[:number+codes], rest[number+codes+2:]
	if strings.HasPrefix(body[2:], "050003") {
		body = body[:8] + "__" + body[10:]
	}
	return head + "/" + body
}

func TestNumbers(t *testing.T) {
	for in, want := range map[string]string{"+45 20 12 34 56": "+4520123456", "0045 20-12-34-56": "+4520123456", " 112 ": "112", "(020) 12/34.56": "020123456"} {
		if got, err := modem.CheckNumber(in); err != nil || got != want {
			t.Errorf("%q is %q, %v", in, got, err)
		}
	}
	for _, bad := range []string{"", "+", "12", "+45abc", "1234567890123456", "12\r\nAT+CPIN=1", `1"2`, "+4+5123"} {
		if got, err := modem.CheckNumber(bad); err == nil {
			t.Errorf("%q is %q", bad, got)
		}
	}
}
