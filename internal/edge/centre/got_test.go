package centre_test

import "os"

// gotTable counts what arrived.
var gotTable = os.DirFS("testdata/got")
