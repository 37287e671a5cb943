package all_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The golden conversations of the protocols that sign in by clear text hold
// these passwords. What the dissectors reported of them stands in the lines
// that begin with "=": a credential is seen, its value never.
func TestPasswordsAreNeverReported(t *testing.T) {
	secrets := []string{"s3cret", "b3BlcmF0b3I6b3BlcmF0b3I", "operator:operator", "guest@", "session=secret", "loader"}
	reported, flagged := 0, 0
	for _, folder := range []string{"ftp", "telnet", "http"} {
		files, err := filepath.Glob(filepath.Join("..", folder, "testdata", "*.txt"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no golden conversations of %s: %v", folder, err)
		}
		for _, f := range files {
			raw, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			for _, line := range strings.Split(string(raw), "\n") {
				report, ok := strings.CutPrefix(line, "= ")
				if !ok {
					continue
				}
				reported++
				if strings.HasSuffix(report, " cleartext") {
					flagged++
				}
				for _, s := range secrets {
					if strings.Contains(report, s) {
						t.Errorf("%s reports a secret: %s", f, report)
					}
				}
			}
		}
	}
	if reported < 50 || flagged < 4 {
		t.Errorf("%d reports, %d of them flagged as clear text: the conversations prove too little", reported, flagged)
	}
}
