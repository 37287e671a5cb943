package clamd

import (
	"fmt"
	"testing"
)

func TestClamdAnswers(t *testing.T) {
	for text, want := range map[string]string{
		"stream: OK\x00": "false ", "stream: Eicar-Test FOUND\x00": "true Eicar-Test", "INSTREAM size limit exceeded. ERROR\x00": "error",
		"stream: \x1b[2J FOUND\x00": "true \ufffd[2J", "": "error", "stream: lstat() failed. ERROR\x00": "error",
	} {
		v, err := parseVerdict(text)
		got := fmt.Sprint(v.Infected, " ", v.Name)
		if err != nil {
			got = "error"
		}
		if got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	for _, bad := range []string{"unix:", "tcp:3310", "/run/clamav", "http://x"} {
		if _, err := New(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
