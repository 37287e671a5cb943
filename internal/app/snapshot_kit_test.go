package app

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/skanse/skanse/internal/ot"
)

// The kit opens from its sheet, from its page's lines typed by hand, and from the code
// pasted; a slip is found in its line.
func TestKitOnPaper(t *testing.T) {
	k, err := makeKit(Folder(t.TempDir()), false, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	var sheet, page bytes.Buffer
	if err := k.text(&sheet); err != nil {
		t.Fatal(err)
	}
	if err := k.page(&page); err != nil {
		t.Fatal(err)
	}
	var typed, sloppy []string
	for _, l := range kitLines(k.Key) {
		typed = append(typed, l.Text+" "+l.Word)
		sloppy = append(sloppy, strings.ToLower(strings.ReplaceAll(strings.ReplaceAll(l.Text, " ", ""), "0", "O"))+"  "+strings.ToUpper(l.Word))
		if !strings.Contains(page.String(), l.Text) || !strings.Contains(page.String(), l.Word) {
			t.Errorf("the page does not show line %d", l.Number)
		}
	}
	if len(typed) != kitRows || !strings.Contains(page.String(), "<svg") {
		t.Errorf("%d lines, want %d", len(typed), kitRows)
	}
	numbered := strings.Split(strings.TrimSpace(sheet.String()[strings.LastIndex(sheet.String(), "#   1"):]), "\n")
	for name, text := range map[string]string{
		"the sheet": sheet.String(), "typed": strings.Join(typed, "\n"), "typed sloppily": strings.Join(sloppy, "\n\n"),
		"the lines of the sheet": strings.Join(numbered, "\n"), "the code": strings.ToLower(k.Key),
		"a slip, then right": "qqqq qqqq qqqq babab\n" + strings.Join(typed, "\n"),
	} {
		got, err := readKit(strings.NewReader(text))
		if err != nil || len(got) != 1 || got[0].(*age.X25519Identity).String() != k.Key {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Every single wrong character of a line is noticed in that line.
	missed := 0
	for n, line := range typed {
		for i, c := range line[:len(line)-6] {
			if c == ' ' {
				continue
			}
			for _, other := range "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L" {
				if other == c {
					continue
				}
				wrong := line[:i] + string(other) + line[i+1:]
				if _, err := parseKitLine(n+1, wrong); err == nil {
					missed++
				} else if !strings.Contains(err.Error(), "line "+string(rune('1'+n))) {
					t.Fatalf("%v does not name the line", err)
				}
			}
		}
	}
	if missed > 3 { // 1,798 slips, one in 65,536 fits its word by chance
		t.Errorf("%d slips were not noticed", missed)
	}
	for name, text := range map[string]string{"nothing": "", "a text": "hello\nworld", "one line too few": strings.Join(typed[:kitRows-1], "\n"), "two lines swapped": typed[1] + "\n" + typed[0]} {
		if _, err := readKit(strings.NewReader(text)); ot.CodeOf(err) != ot.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzKit(f *testing.F) {
	f.Add("AGE-SECRET-KEY-1")
	f.Add("1 QQPQ ZRYX MLMQ lusab\n2")
	f.Add("# Skanse recovery kit\n\n#   1   A")
	f.Fuzz(func(t *testing.T, s string) {
		_, err := readKit(strings.NewReader(s))
		if err != nil && ot.CodeOf(err) != ot.Invalid {
			t.Errorf("%v is no sentence for a person", err)
		}
	})
}

// A snapshot that is encrypted as a whole says nothing without the kit, is opened by it,
// and any change of it is found.
func TestSnapshotEncrypted(t *testing.T) {
	ctx := t.Context()
	p := newPlant(t, "")
	path, id := kit(t, p.folder)
	dir := t.TempDir()
	out := filepath.Join(dir, "x.snapshot.age")
	src := snapshotSource{db: p.db, folder: p.folder, sealTo: id[0].(*age.X25519Identity).Recipient(), captures: true}
	if _, err := createSealed(ctx, out, src); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"Nordvand", "SQLite format", "manifest.json", "captures/"} {
		if bytes.Contains(b, []byte(word)) {
			t.Errorf("%q can be read in it", word)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	run := func(args ...string) (int, string) {
		var o bytes.Buffer
		return Run(ctx, append([]string{"snapshot"}, args...), &o, &o), o.String()
	}
	if code, says := run("verify", out); code != 2 || !strings.Contains(says, "--kit") {
		t.Errorf("without the kit: %d %s", code, says)
	}
	if code, says := run("verify", out, "--kit", path); code != 0 || !strings.Contains(says, "is whole") {
		t.Errorf("with the kit: %d %s", code, says)
	}
	other, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	fresh := func() snapshotTarget { return snapshotTarget{folder: Folder(filepath.Join(t.TempDir(), "new"))} }
	to := fresh()
	to.open = []age.Identity{other}
	if _, err := restoreSnapshot(ctx, out, to); ot.CodeOf(err) != ot.Invalid {
		t.Errorf("another kit: %v", err)
	}
	if _, err := os.Stat(string(to.folder)); err == nil {
		t.Error("a refused restore left its folder")
	}
	bad := filepath.Join(dir, "bad.age")
	for i := 0; i < len(b); i += max(1, len(b)/40) {
		c := bytes.Clone(b)
		c[i] ^= 4
		if err := os.WriteFile(bad, c, 0o600); err != nil {
			t.Fatal(err)
		}
		to := fresh()
		to.open = id
		if _, err := restoreSnapshot(ctx, bad, to); err == nil {
			t.Errorf("byte %d of %d was changed and nobody noticed", i, len(b))
		}
	}
	if err := os.WriteFile(bad, b[:len(b)-7], 0o600); err != nil {
		t.Fatal(err)
	}
	to = fresh()
	to.open = id
	if _, err := restoreSnapshot(ctx, bad, to); ot.CodeOf(err) != ot.Damaged {
		t.Errorf("cut short: %v", err)
	}
	to = fresh()
	to.open = id
	m, err := restoreSnapshot(ctx, out, to)
	if err != nil {
		t.Fatal(err)
	}
	if err := compareRestored(context.WithoutCancel(ctx), to.folder, m); err != nil {
		t.Error(err)
	}
	var o bytes.Buffer
	if code := Run(ctx, []string{"verify", "audit", out, "--kit", path}, &o, &o); code != 0 {
		t.Errorf("verify audit of an encrypted snapshot: %d %s", code, o.String())
	}
}
