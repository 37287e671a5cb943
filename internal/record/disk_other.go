//go:build !unix

package record

// freeSpace is not known here; a full disk shows when it is written.
func freeSpace(string) (int64, bool) { return 0, false }
