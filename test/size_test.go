package test

import (
	"os"
	"testing"
)

// maxProgram is what the program may have; docs/adr/006 says what is in it. Who needs more looks first at
// what grew (go tool nm -size), and says it there.
const maxProgram = 58_000_000 // bytes

func TestSizeOfProgram(t *testing.T) {
	st, err := os.Stat("../bin/skanse")
	if os.IsNotExist(err) {
		t.Skip("the program is not built: make build")
	}
	if err != nil {
		t.Fatal(err)
	}
	if st.Size() > maxProgram {
		t.Errorf("bin/skanse has %d bytes, at most %d: see docs/adr/006", st.Size(), maxProgram)
	}
}
