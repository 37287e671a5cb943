package app

import (
	"bytes"
	"context"
	"strings"
	"testing"
)

func runCmd(t *testing.T, args ...string) (int, string, string) {
	t.Helper()
	var out, errs bytes.Buffer
	code := Run(context.Background(), args, &out, &errs)
	return code, out.String(), errs.String()
}

// The same host, followed in captures and in what a server keeps of them.
func TestTrace(t *testing.T) {
	frames := append(modbus(), segment(3, 2, 40001, 502, 1, []byte{0, 1, 0, 0, 0, 6, 1, 3, 0, 10, 0, 2}))
	file := capture(t, frames...)
	code, out, errs := runCmd(t, "trace", "10.0.0.2", file)
	if code != 0 || !strings.Contains(out, "← 10.0.0.1") || !strings.Contains(out, "← 10.0.0.3") || !strings.Contains(out, "control, read") || !strings.Contains(out, "do not reach further back") {
		t.Errorf("captures: exit %d\n%s%s", code, out, errs)
	}
	// Of the last second only the second client's is new: the first spoke before.
	if _, out, _ := runCmd(t, "trace", "10.0.0.2", "--since", "500ms", file); strings.Contains(out, "10.0.0.1") || !strings.Contains(out, "first time\n  ← 10.0.0.3") {
		t.Errorf("since:\n%s", out)
	}
	if code, _, errs := runCmd(t, "trace", "PLC-9", file); code == 0 || !strings.Contains(errs, "PLC-9") {
		t.Errorf("a stranger: exit %d, %s", code, errs)
	}
	dir := t.TempDir()
	if code, _, errs := runCmd(t, "import", "--data", dir, "--site", "Aarhus", file); code != 0 {
		t.Fatal(errs)
	}
	code, out, errs = runCmd(t, "trace", "10.0.0.2", "--data", dir, "--since", "8760h")
	if code != 0 || !strings.Contains(out, "Nobody listened in that time") && !strings.Contains(out, "← 10.0.0.1") {
		t.Errorf("server: exit %d\n%s%s", code, out, errs)
	}
	if code, _, _ := runCmd(t, "trace", "10.9.9.9", "--data", dir); code == 0 {
		t.Error("a host that nobody knows is traced")
	}
}
